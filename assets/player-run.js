/* Opening a run: the events of its stream, and what to say when it cannot be had. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { say } = parts;
  const LONGEST = 8; // seconds until a silent server is asked again

  /** One opening of `link` by `player`. Another opening aborts it. */
  parts.Run = class Run {
    #control = new AbortController();
    #over = false;
    #begun = null; // a promise, once the run is ready
    previewed = false;

    constructor(player, link, autoplay) {
      Object.assign(this, { player, words: player.words, link, autoplay });
      const own = new URLSearchParams(link.replace(/^\?/, ""));
      this.step = /^\d+$/.test(own.get("step") ?? "") ? Number(own.get("step")) : null;
      this.camera = cameraOf(own.get("camera"));
    }

    abort() {
      this.#control.abort();
    }

    get started() {
      return this.#begun !== null;
    }

    get current() {
      return this.player.run === this;
    }

    async follow(source) {
      if (!this.words.says("gone")) this.words.hush();
      this.words.advance(undefined);
      document.body.classList.add("is-working");
      try {
        await source.run(this.link, (event) => this.current && this.#heard(event), this.#control.signal);
        if (this.current && !this.#over) throw new TypeError("the stream ended early");
      } catch (error) {
        if (this.current && error.name !== "AbortError") this.#lost(error);
      }
    }

    #heard(event) {
      this.words.hush("gone");
      if (event.event === "done" || event.event === "error") this.#over = true;
      const does = {
        queued: () => this.words.tell("busy", say("player_queued", { place: event.place })),
        progress: () => this.#progress(event),
        preview: () => !this.started && this.#preview(event),
        ready: () => this.#ready(event),
        measures: () => this.#later(() => this.player.measured(event)),
        phases: () => this.#later(() => this.player.phases(event)),
        error: () => this.#refused(event),
        done: () => this.#done(),
      };
      does[event.event]?.();
    }

    #progress({ step, steps, what, accuracy }) {
      const values = { step, last: steps, accuracy: accuracy?.toFixed(2) ?? "–" };
      const begun = step > 0 || what === "measuring";
      const message = say(begun ? `player_${what}` : "player_preparing", values);
      this.words.advance(steps ? step / steps : undefined, message);
      if (!this.started) this.words.tell("busy", message);
    }

    #preview({ scene, frame }) {
      this.previewed = true;
      this.player.preview(scene, parts.decode(frame));
    }

    // What is known before the run is shown is told after that.
    async #later(act) {
      await this.#begun;
      if (this.started && this.current) act();
    }

    #ready(event) {
      this.player.retries = 0;
      this.words.hush("busy");
      this.#warn(event);
      this.#begun = this.player.begin(this, event);
    }

    #warn({ diverged_at: diverged = null, advice, last_step: last, one_class: oneClass }) {
      const said = [
        diverged !== null && [say("player_diverged", { step: diverged }), advice, say("player_diverged_advice")],
        this.step > last && [say("player_no_step", { step: this.step, last })],
        oneClass && [say("player_one_class"), say("player_one_class_advice")],
      ].filter(Boolean);
      if (!said.length) return;
      const more = said.flatMap(([, ...rest]) => rest).filter(Boolean);
      this.words.tell("warning", said.map(([message]) => message).join(" "), { advice: more.join(" ") });
    }

    #done() {
      this.words.advance(null);
      this.words.hush("busy");
    }

    #refused({ message, advice }) {
      this.abort();
      this.#stop();
      this.words.tell("error", message, { advice: advice ?? "" });
    }

    #stop() {
      document.body.classList.remove("is-working");
      this.words.advance(null);
      if (!this.started) this.player.recover(this.previewed);
    }

    // A wrong setting stays wrong; a silent or full server is asked again after longer and longer waits.
    #lost(error) {
      const refusal = error instanceof parts.Refusal ? error.event : null;
      if (refusal && error.status < 500) return this.#refused(refusal);
      this.#stop();
      const seconds = Math.min(LONGEST, 2 ** this.player.retries++);
      const again = () => {
        clearTimeout(timer);
        if (this.current) this.player.open(this.link, { autoplay: this.autoplay });
      };
      const timer = setTimeout(again, 1000 * seconds);
      const advice = [refusal?.advice, say("player_retry", { seconds })].filter(Boolean).join(" ");
      this.words.tell("error gone", refusal?.message ?? say("player_gone"), { advice, actions: [{ label: say("player_again"), act: again }] });
    }
  };

  function cameraOf(text) {
    const [x, y, z] = (text ?? "").split(",").map(Number);
    return text && [x, y, z].every(Number.isFinite) ? { eye: { x, y, z } } : null;
  }
})();
