//! Log analytics for Postfix and Dovecot.
