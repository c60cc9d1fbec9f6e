/* Seeking: from step to step, each with its own picture as soon as it can be had, and what waits while somebody does. */
(() => {
  const parts = (window.dimpleParts ??= {});

  const PAUSE = 250; // ms in which a step asked for is drawn, or the next is asked for: other work would be in the way
  const STILL = 20; // ms after which a pointer that drags, or lies on the time line, has come to rest: it moves every 16
  const SENT = 10; // ms after which a request is on its way: while it draws, a browser sends none
  const RARELY = 10; // of a drag's time a tenth at most goes to neighbours' pictures: the step's own waits for them
  const PATIENCE = 300; // ms a step's own picture may take before a neighbour's stands in, behind which it would have to wait

  parts.Seeker = class Seeker {
    #later = null; // the timer of what follows: asking for the step of a drag, or what waits for the viewer to rest
    #standIn = null;
    #hover = null;
    #moved = -Infinity; // when the viewer last went to a step
    #drawn = -Infinity; // when a picture was last drawn
    #cost = 50; // ms until the last one was on the screen: slow graphics hold up all else

    constructor(player) {
      this.player = player;
    }

    /** Whether the viewer goes from step to step just now. */
    get busy() {
      return performance.now() - this.#moved < PAUSE;
    }

    /** To `step`: with its own picture; with the nearest there is while that takes long or the viewer drags. */
    go(step, dragging = false) {
      const { player, player: { fetcher, fetcher: { frames } } } = this;
      fetcher.moved(player.step, step);
      this.#moved = performance.now();
      player.step = step;
      player.playhead.put();
      clearTimeout(this.#later);
      clearTimeout(this.#standIn);
      if (frames.has(step)) {
        fetcher.pump();
        if (step !== player.shown) this.#paint(frames.get(step));
        else player.tell(frames.get(step));
      } else {
        // Once a picture of a drag is well on its way the next is asked for only where the pointer rests, or before a
        // neighbour's is drawn: until that is done nothing could be asked.
        const passing = dragging && this.#passing;
        const late = dragging && fetcher.awaited && !fetcher.fresh && !passing;
        if (late) this.#later = setTimeout(() => this.#exact(step), STILL);
        else this.#exact(step);
        player.tell();
        if (passing) {
          this.#drawn = performance.now();
          setTimeout(() => this.#near(), SENT);
        }
        this.#standIn = setTimeout(() => player.step === step && this.#near(), PATIENCE);
      }
      player.speak();
    }

    /** The pointer lies on `step`, where a click may follow; null: it has gone. */
    hover(step) {
      clearTimeout(this.#hover);
      if (step === null || this.player.playing) return;
      this.#hover = setTimeout(() => this.player.fetcher.hint(step), STILL);
    }

    // Whether it is time for another picture on the way to where a drag ends.
    get #passing() {
      return performance.now() - this.#drawn > RARELY * this.#cost;
    }

    // The nearest picture that has been fetched.
    #near() {
      const { player, player: { fetcher: { frames } } } = this;
      const near = frames.nearest(player.step);
      if (near !== null && near !== player.shown) this.#paint(frames.get(near), false);
    }

    #paint(frame, pick) {
      const start = (this.#drawn = performance.now());
      this.player.paint(frame, pick);
      requestAnimationFrame(() => setTimeout(() => (this.#cost = performance.now() - start)));
    }

    async #exact(step) {
      const { player, player: { fetcher } } = this;
      const frame = await player.words.during(parts.say("notice.drawing"), fetcher.exact(step)).catch(() => null);
      if (!frame || fetcher !== player.fetcher) return;
      if (player.step !== step) return this.#overtaken();
      clearTimeout(this.#standIn);
      if (player.shown !== step) this.#paint(frame, false); // else both press and release have asked for it
      this.#later = setTimeout(() => this.#rest(fetcher), player.playing ? 0 : PAUSE);
    }

    // A drag has gone on meanwhile: what has come is near it, and the next one is asked for.
    #overtaken() {
      const { step, fetcher: { frames, awaited } } = this.player;
      if (awaited || frames.has(step)) return;
      clearTimeout(this.#later);
      this.#exact(step);
      if (this.#passing) this.#near();
    }

    // What can wait until the viewer does: hover buffers and fetching ahead.
    #rest(fetcher) {
      if (!this.player.playing) this.player.picture.settle();
      fetcher.pump();
    }
  };
})();
