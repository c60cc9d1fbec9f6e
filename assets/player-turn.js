/* Turning a 3-D picture without a mouse: keys while it has the focus, two fingers for the distance. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { say } = parts;
  const STEP = Math.PI / 18;
  const NEARER = 1 / 1.15;
  const STEEPEST = 1.5; // just short of straight above, where left and right would swap

  const KEYS = {
    ArrowLeft: { around: -STEP }, ArrowRight: { around: STEP }, ArrowUp: { above: STEP }, ArrowDown: { above: -STEP },
    "+": { far: NEARER }, "=": { far: NEARER }, "-": { far: 1 / NEARER },
  };

  /** The eye turned about the vertical, raised, and set further away. */
  function moved({ x, y, z }, { around = 0, above = 0, far = 1 }) {
    const away = far * Math.hypot(x, y, z);
    const angle = Math.atan2(y, x) + around;
    const height = Math.max(-STEEPEST, Math.min(STEEPEST, Math.asin(z / Math.hypot(x, y, z)) + above));
    const flat = away * Math.cos(height);
    return { x: flat * Math.cos(angle), y: flat * Math.sin(angle), z: away * Math.sin(height) };
  }

  function move(picture, by) {
    const { eye, center, up } = picture.camera;
    Plotly.relayout(picture.plot, { "scene.camera": { eye: moved(eye, by), center, up } });
  }

  const apart = ({ touches: [one, other] }) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);

  /** Lets keys and fingers turn `picture`. */
  parts.turnable = (picture) => {
    const { plot } = picture;
    let span = 0;
    plot.setAttribute("aria-describedby", "summary");
    plot.addEventListener("keydown", (event) => {
      const by = KEYS[event.key];
      if (!by || !picture.camera || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(picture, by);
    });
    // The mouse leaves the focus alone: after a drag the arrow keys go on stepping through time.
    plot.addEventListener("mousedown", (event) => {
      event.preventDefault();
      if (document.activeElement !== plot) document.activeElement?.blur?.();
    });
    plot.addEventListener("touchstart", (event) => (span = event.touches.length === 2 ? apart(event) : 0), true);
    plot.addEventListener("touchmove", (event) => {
      if (!span || event.touches.length !== 2 || !picture.camera) return;
      event.stopPropagation(); // one finger of the two would turn the picture
      const now = apart(event);
      if (Math.abs(now / span - 1) < 0.03) return;
      move(picture, { far: span / now });
      span = now;
    }, true);
  };

  /** What the picture is to a screen reader, and whether keys turn it. */
  parts.named = ({ plot, camera }) => {
    plot.setAttribute("role", camera ? "application" : "img");
    plot.setAttribute("aria-label", say(camera ? "picture.turn" : "picture.flat"));
    if (camera) plot.tabIndex = 0;
    else plot.removeAttribute("tabindex");
  };
})();
