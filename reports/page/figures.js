// Figures are decoded when they come into view; once the page stands the others are too, so that a print holds them all.
const decodeAll = () => document.querySelectorAll("img[loading=lazy]").forEach((figure) => { figure.loading = "eager"; });
window.addEventListener("load", () => setTimeout(decodeAll, 300));
window.addEventListener("beforeprint", decodeAll);
