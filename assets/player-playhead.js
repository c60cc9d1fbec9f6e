/* The playhead: which of the player's steps is due, by the clock and by what has been fetched. */
(() => {
  const parts = (window.dimpleParts ??= {});

  const WHOLE = 11; // seconds to play a run once at speed 1
  const REST = 1.2; // seconds at the last step before a loop starts over
  const SMOOTH = 30; // frames a second worth aiming at

  parts.Playhead = class Playhead {
    running = false;
    speed = 1;
    loop = false;
    #at = 0; // index into the player's sequence, with fraction
    #then = 0;
    #rested = 0;

    constructor(player) {
      this.player = player;
    }

    /** To the entry nearest to the player's step. */
    put() {
      this.#at = this.#here;
      this.#rested = 0;
    }

    start() {
      this.put();
      this.running = true;
      this.#then = performance.now();
      requestAnimationFrame((now) => this.#tick(now));
    }

    stop() {
      this.running = false;
    }

    /** Where it stands and goes: what decides on the steps to fetch. */
    get course() {
      const { loop, stride, running: playing, player: { sequence, every, step } } = this;
      return { sequence, every, step, at: this.#at, stride, playing, loop };
    }

    /** Entries from one shown frame to the next: more than one where neither screen nor server could keep up. */
    get stride() {
      return Math.max(1, Math.ceil(this.#rate / Math.min(SMOOTH, this.player.fetcher?.pace ?? SMOOTH)));
    }

    get #here() {
      const { sequence, step } = this.player;
      return sequence.length ? parts.nearest(sequence, step) : 0;
    }

    /** Entries a second. */
    get #rate() {
      return (this.speed * Math.max(60, this.player.sequence.length)) / WHOLE;
    }

    #tick(now) {
      if (!this.running) return;
      const { player } = this;
      const passed = Math.min(0.25, Math.max(0, now - this.#then) / 1000);
      this.#then = now;
      const { sequence } = player;
      const end = sequence.length - 1;
      const from = this.#here;
      const aim = Math.min(end, this.#at + passed * this.#rate);
      const next = this.#newest(from, Math.floor(aim));
      // nothing new to show yet: the playhead waits rather than runs away
      this.#at = next === null ? Math.min(aim, Math.max(this.#at, from + this.stride)) : aim;
      if (next !== null) {
        player.draw(player.fetcher.frames.get(sequence[next]), sequence[next]);
        player.fetcher.pump();
      }
      if (player.step >= sequence[end]) this.#ended(passed);
      if (this.running) requestAnimationFrame((later) => this.#tick(later));
    }

    /** The latest fetched entry after `from` up to `to`, or null. */
    #newest(from, to) {
      const { sequence, fetcher: { frames } } = this.player;
      for (let index = to; index > from; index--) if (frames.has(sequence[index])) return index;
      return null;
    }

    #ended(passed) {
      this.#rested += passed;
      if (!this.loop) this.player.pause();
      else if (this.#rested >= REST) this.player.seek(this.player.sequence[0]);
    }
  };
})();
