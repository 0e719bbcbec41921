// Filters the table of refused requests. Without it, the whole table is shown.
const words = document.getElementById("words");
if (words) {
  const rows = [...document.getElementById("rows").rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const matches = document.getElementById("matches");
  document.getElementById("filter").hidden = false;
  words.addEventListener("input", () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      row.hidden = !wanted.every((word) => texts[index].includes(word));
      count += row.hidden ? 0 : 1;
    });
    matches.textContent = wanted.length ? `${count} of ${rows.length} match` : "";
  });
}
