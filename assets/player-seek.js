/* Seeking: from step to step, and what waits while somebody does. */
(() => {
  const parts = (window.dimpleParts ??= {});

  const PAUSE = 250; // ms in which a step asked for is drawn, or the next is asked for: other work would be in the way
  const HURRY = 100; // ms: who goes on faster, say by a key held down, sees no full picture

  parts.Seeker = class Seeker {
    #approach = null;
    #resting = null; // the timer of what waits for the viewer to rest
    #hover = null;
    #moved = -Infinity; // when the viewer last went to a step

    constructor(player) {
      this.player = player;
    }

    /** Whether the viewer goes from step to step just now. */
    get busy() {
      return performance.now() - this.#moved < PAUSE;
    }

    /** Seeks among the frames of this fetcher from now on. */
    attach(fetcher) {
      this.#approach?.stop();
      const during = (promise) => this.player.words.during(parts.say("notice.drawing"), promise);
      this.#approach = new parts.Approach(fetcher, (frame) => this.#draw(frame), during);
    }

    /** To `step`, with its own picture. A draft comes first where the viewer would be gone before that. */
    go(step, dragging = false) {
      const { player, player: { fetcher } } = this;
      const now = performance.now();
      const hasty = dragging || now - this.#moved < HURRY;
      fetcher.moved(player.step, step);
      this.#moved = now;
      player.step = step;
      player.playhead.put();
      clearTimeout(this.#resting);
      if (fetcher.frames.has(step)) fetcher.pump();
      else player.tell();
      this.#approach.go(step, { hasty, moving: dragging });
      player.speak();
    }

    /** The pointer lies on `step`, where a click may follow; null: it has gone. */
    hover(step) {
      clearTimeout(this.#hover);
      if (step === null || this.player.playing) return;
      this.#hover = setTimeout(() => this.player.fetcher.hint(step), parts.STILL);
    }

    #draw(frame) {
      const { player, player: { fetcher } } = this;
      const { step, draft } = frame.meta;
      if (!player.ready) return; // the picture is another run's by now
      if (player.playing && step !== player.step) return; // the playhead has gone on
      if (step === player.shown) player.tell(frame); // both press and release have asked for it
      else player.paint(frame, false);
      clearTimeout(this.#resting);
      if (step === player.step && !draft) this.#resting = setTimeout(() => this.#rest(fetcher), player.playing ? 0 : PAUSE);
    }

    // What can wait until the viewer does: hover buffers and fetching ahead.
    #rest(fetcher) {
      if (!this.player.playing) this.player.picture.settle();
      fetcher.pump();
    }
  };
})();
