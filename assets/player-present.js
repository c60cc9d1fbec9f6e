/* Presenting: the controls go, letters grow, keys and clicker lead through the run, a dot follows the mouse on request. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say } = parts;
  const root = document.documentElement;
  const presenting = () => document.body.classList.contains("is-presenting");
  const dot = el("div", { class: "pointer", hidden: true, "aria-hidden": "true" });
  let pointer = null;

  /** Begins or ends presenting. */
  parts.present = (on) => {
    if (on === presenting()) return;
    document.body.classList.toggle("is-presenting", on);
    const bar = document.getElementById("present");
    bar.hidden = !on;
    bar.setAttribute("aria-label", say("header.present"));
    if (on) bar.replaceChildren(...buttons());
    point(false);
    fill(on);
    document.activeElement?.blur();
    window.dimple.repaint();
  };

  function buttons() {
    const button = (key, act, sign) =>
      el("button", { type: "button", "aria-label": say(key), title: say(key), onclick: act }, sign);
    pointer = button("present.pointer", () => point(dot.hidden), "◉");
    return [
      button("present.back", () => turn(-1), "‹"), button("present.next", () => turn(1), "›"), pointer,
      button("present.leave", () => parts.present(false), "×"),
    ];
  }

  // The whole screen where the browser lets us; the mode does not depend on it.
  function fill(on) {
    if (on) root.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
  }

  function point(on) {
    dot.hidden = !on;
    document.body.classList.toggle("is-pointing", on);
    pointer?.setAttribute("aria-pressed", on);
    if (on) document.body.append(dot);
  }

  /** On or back by one: a step of the lesson if one is open, else a turn of the run. */
  function turn(by) {
    const button = document.querySelector(`#lesson:not([hidden]) .turn .${by > 0 ? "next" : "back"}`);
    if (button) button.click();
    else window.dimple.jump(by);
  }

  document.addEventListener("pointermove", ({ clientX, clientY }) => {
    dot.style.transform = `translate(${clientX}px, ${clientY}px)`;
  }, { capture: true, passive: true });

  // Escape ends a full screen without a key event.
  document.addEventListener("fullscreenchange", () => !document.fullscreenElement && parts.present(false));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || parts.typing(event.target)) return;
    const does = presenting()
      ? { PageDown: () => turn(1), PageUp: () => turn(-1), Escape: () => parts.present(false), p: () => parts.present(false), l: () => point(dot.hidden) }
      : { p: () => parts.present(true) };
    if (!does[event.key] || event.defaultPrevented) return;
    event.preventDefault();
    does[event.key]();
  });
})();
