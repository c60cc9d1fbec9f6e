/* Starts the player once page and plotly are there, and offers it to the page as window.dimple. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const CALLS = ["open", "show", "seek", "move", "play", "pause", "toggle", "repaint", "setScale", "setLoop", "setSpeed", "compare", "look", "jump"];
  const NONE = {
    step: 0, shown: -1, playing: false, lastStep: 0, ready: false, link: "", view: {}, camera: null, frameTimes: [], decodeTimes: [],
  };

  // The page builds its elements after the scripts have loaded.
  function elements() {
    const there = () => ["picture", "timeline", "charts", "numbers", "notice"].every((id) => document.getElementById(id));
    return new Promise((resolve) => {
      if (there()) return resolve();
      const watch = new MutationObserver(() => {
        if (!there()) return;
        watch.disconnect();
        resolve();
      });
      watch.observe(document.documentElement, { childList: true, subtree: true });
    });
  }

  // The page may bring plotly itself, now or with a deferred script; else it is asked for.
  function plotly() {
    if (window.Plotly) return Promise.resolve();
    const src = window.DIMPLE_PLOTLY ?? "/_dash-component-suites/plotly/package_data/plotly.min.js";
    const found = [...document.scripts].find((script) => script.getAttribute("src") === src);
    const script = found ?? document.head.appendChild(Object.assign(document.createElement("script"), { src }));
    return new Promise((resolve, reject) => {
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
    });
  }

  let player = null;
  const started = Promise.all([elements(), plotly()]).then(() => (player = new parts.Player()));
  const later = (act) => (...given) => started.then(() => act(...given));

  window.dimple = {
    ...Object.fromEntries(CALLS.map((name) => [name, later((...given) => player[name](...given))])),
    capture: later((width, height) => parts.capture(player, width, height)),
    png: later((options) => parts.png(player, options)),
    gif: later((options) => parts.animation(player, options)),
    fit: later((width, height) => parts.fit(player, width, height)),
    answer: later(() => parts.lesson?.answer()),
    board: (link, done) => new parts.Board(link, done).open().catch((error) => player.words.tell("error", error.message)),
    export: later(() => parts.exporting(player)),
    state: () => player?.state() ?? NONE,
    mesh: () => player?.picture.mesh() ?? null,
    besideMesh: () => player?.companion?.picture.mesh() ?? null,
    share: () => player?.share() ?? "",
  };
  if (window.DIMPLE_RECORDED) window.dimple.open(window.DIMPLE_RECORDED.link ?? "");
})();
