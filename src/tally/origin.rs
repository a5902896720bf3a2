//! Which instance, service and daemon a line came from.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::symbols::{Renumber, Renumbering, Symbol, Symbols, key};

key! {
    /// A tag prefix of a host. Whether it names an instance is known when the whole log was read.
    pub(crate) struct InstanceKey { host: Symbol, prefix: Symbol }
}

key! {
    /// A service: a tag prefix of a host, and what stands between it and the daemon.
    pub(crate) struct ServiceKey { instance: InstanceKey, service: Option<Symbol> }
}

/// The prefixes under which a qmgr or a master logs: the instances.
#[derive(Clone, Default)]
pub(crate) struct Instances {
    known: HashSet<InstanceKey, FxBuildHasher>,
    /// The one noted last: a qmgr logs a sixth of all lines.
    last: Option<InstanceKey>,
}

impl Instances {
    pub(crate) fn note(&mut self, key: InstanceKey) {
        if self.last != Some(key) {
            self.known.insert(key);
            self.last = Some(key);
        }
    }

    pub(crate) fn merge(&mut self, later: Instances, numbers: &Renumbering) {
        let later = later.known.into_iter();
        self.known.extend(later.map(|key| key.renumber(numbers)));
    }

    /// Settles which instance each prefix of each host belongs to.
    pub(crate) fn resolve<'a>(&'a self, symbols: &'a Symbols) -> Resolver<'a> {
        let mut defaults: HashMap<Symbol, Symbol, FxBuildHasher> = HashMap::default();
        for key in &self.known {
            let is_better = |old: Symbol| rank(symbols, key.prefix) < rank(symbols, old);
            let default = defaults.entry(key.host).or_insert(key.prefix);
            if is_better(*default) {
                *default = key.prefix;
            }
        }
        Resolver {
            instances: &self.known,
            defaults,
            symbols,
        }
    }
}

/// The default instance comes first, the others by name.
fn rank(symbols: &Symbols, prefix: Symbol) -> (bool, &[u8]) {
    let name = symbols.get(prefix);
    (name != b"postfix", name)
}

/// Tells instance and service of a tag prefix.
pub(crate) struct Resolver<'a> {
    instances: &'a HashSet<InstanceKey, FxBuildHasher>,
    defaults: HashMap<Symbol, Symbol, FxBuildHasher>,
    symbols: &'a Symbols,
}

impl Resolver<'_> {
    /// Returns the instance that a prefix belongs to: itself, if a qmgr or master logs under it;
    /// else the host's default instance; else, when the host has none, the prefix.
    pub(crate) fn instance(&self, key: InstanceKey) -> Symbol {
        if self.instances.contains(&key) {
            return key.prefix;
        }
        self.defaults.get(&key.host).copied().unwrap_or(key.prefix)
    }

    /// Returns the name of the service: what the tag says beyond instance and daemon.
    pub(crate) fn service(&self, key: ServiceKey) -> Option<String> {
        let service = key.service.map(|service| self.symbols.text(service));
        if self.instance(key.instance) == key.instance.prefix {
            return service;
        }
        let own = self.symbols.text(key.instance.prefix);
        Some(service.map_or(own.clone(), |service| format!("{own}/{service}")))
    }
}
