/* Chores: what the page does one by one, a task each, while nobody waits for a picture. */
(() => {
  const parts = (window.dimpleParts ??= {});

  const AGAIN = 30; // ms until it is asked again whether somebody waits
  const MOST = 3000; // ms that chores wait at a time, longer than most drags: they go on, slower, while the viewer goes to and fro

  /** Named chores, the oldest first; of one name the newest is done. `awaited()`: whether somebody waits for a picture. */
  parts.Chores = class Chores {
    #waiting = new Map();
    #timer = null;
    #since = 0;

    constructor(awaited) {
      this.awaited = awaited;
    }

    put(name, chore) {
      if (!this.#waiting.size) this.#since = performance.now();
      this.#waiting.set(name, chore);
      this.#arm(0);
    }

    #arm(wait) {
      this.#timer ??= setTimeout(() => this.#next(), wait);
    }

    #next() {
      this.#timer = null;
      const now = performance.now();
      if (this.awaited() && now - this.#since < MOST) return this.#arm(AGAIN);
      const [[name, chore]] = this.#waiting;
      this.#waiting.delete(name);
      this.#since = now;
      if (this.#waiting.size) this.#arm(0);
      chore();
    }
  };
})();
