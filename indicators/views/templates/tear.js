"use strict";
// Figures are drawn when they come near the window, in the colours of the ground, from the data that stand in the page.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)"), paper = matchMedia("print");
  const held = JSON.parse(document.getElementById("figures").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  function loaded() {
    if (window.Plotly) return;
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.append(script);
  }
  function made(name) {
    let text = JSON.stringify(held.figures[name]);
    if (dark.matches && !paper.matches) {
      for (const [light, other] of Object.entries(held.dark)) text = text.replaceAll(light, other);
    }
    const figure = JSON.parse(text);
    for (const trace of figure.data) {
      if (trace.x && trace.x.of !== undefined) trace.x = held.sessions[trace.x.of].slice(trace.x.from);
    }
    return figure;
  }
  function draw(plot) {
    loaded();
    const figure = made(plot.dataset.figure);
    window.Plotly.react(plot, figure.data, figure.layout, { displayModeBar: false, responsive: true, scrollZoom: false });
    plot.dataset.drawn = "yes";
  }
  function redraw() {
    for (const plot of plots) if (plot.dataset.drawn) draw(plot);
  }
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "300px" });
  for (const plot of plots) near.observe(plot);
  dark.addEventListener("change", redraw);
  paper.addEventListener("change", redraw);
  addEventListener("beforeprint", () => { for (const plot of plots) if (!plot.dataset.drawn) draw(plot); });
})();
