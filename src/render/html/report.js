"use strict";
// Tables sort on a click on a heading; without this script they stay in the order of the report.
(() => {
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const value = (row, place) => {
    const cell = row.cells[place];
    return cell === undefined ? "" : cell.dataset.value ?? cell.textContent;
  };
  const sort = (heading, place) => {
    const body = heading.closest("table").tBodies[0];
    const isNumber = heading.classList.contains("number");
    const now = heading.getAttribute("aria-sort");
    const order = now === null ? (isNumber ? "descending" : "ascending")
      : now === "ascending" ? "descending" : "ascending";
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [left, right] = [value(a, place), value(b, place)];
      if (!isNumber) return sign * compare(left, right);
      // What is not known stands last in either order.
      if (left === "" || right === "") return (left === "") - (right === "");
      return sign * (Number(left) - Number(right));
    });
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    body.append(...rows);
  };
  for (const heading of document.querySelectorAll("table.sortable thead th")) {
    if (heading.textContent === "") continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(heading, heading.cellIndex));
  }
})();
