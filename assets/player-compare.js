/* A second run beside the first: its own picture, the same step, camera and way of drawing. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;
  const MOST = 3; // differences named above a picture
  parts.NARROW = 1.6; // plotly fits a scene to the height: half as wide a picture is looked at from further away

  /** The run of `link` beside that of `player`, in #beside, until close(). */
  parts.Companion = class Companion {
    #control = new AbortController();
    #fetcher = null;
    #approach = null;
    #scene = null;
    #step = -1;
    #over = false;
    last = 0;
    diverged = null;
    base = 0;
    table = null;
    names = {};
    charts = [];
    bands = [];
    fields = null;
    subtitle = null;
    frame = null;

    constructor(player, link) {
      Object.assign(this, { player, link });
      this.root = document.getElementById("beside");
      this.stage = this.root.parentElement;
      this.heads = ["A", "B"].map((name) => el("p", { class: `head ${name.toLowerCase()}` }));
      this.stage.classList.add("two");
      this.stage.append(...this.heads);
      this.picture = new parts.Picture(this.root);
      player.picture.turned = (camera) => this.picture.turn(camera);
      this.picture.turned = (camera) => player.picture.turn(camera);
    }

    async open() {
      try {
        await this.player.source.run(this.link, (event) => this.#heard(event), this.#control.signal);
      } catch (error) {
        if (error.name !== "AbortError") this.#refused(error.event ?? { message: say("player_gone") });
      }
    }

    #heard(event) {
      const does = {
        ready: () => this.#ready(event),
        measures: () => {
          Object.assign(this, { table: event.table, charts: event.charts, names: event.names });
          this.player.overlay();
        },
        phases: () => (this.bands = event.bands),
        error: () => this.#refused(event),
        progress: () => !this.frame && write(this.heads[1], say(`player_${event.what}`, { step: event.step, last: event.steps })),
      };
      does[event.event]?.();
    }

    #refused({ message, advice = "" }) {
      this.player.words.tell("error", message, { advice });
      this.player.compare(null);
    }

    async #ready(event) {
      Object.assign(this, { last: event.last_step, diverged: event.diverged_at ?? null, base: event.base, steps: event.frame_steps, every: parts.everyStep(event), fields: event.fields, charts: event.charts, subtitle: event.subtitle ?? "" });
      this.#scene = event.scene;
      this.frame = parts.decode(event.frame);
      await this.look();
      this.label();
      this.player.overlay();
    }

    /** The scene in the way of drawing of the first picture. */
    async look() {
      if (!this.#scene) return;
      const { source, view, picture } = this.player;
      this.#fetcher?.close();
      const fetcher = (this.#fetcher = new parts.Fetcher(source, this.link, view, {
        course: () => ({
          ...this.player.playhead.course, sequence: this.steps, every: this.every, step: this.#step,
          at: parts.nearest(this.steps, Math.max(0, this.#step)), loop: false,
        }),
        hurried: () => this.player.playing, arrived: () => {}, failed: () => {},
      }));
      const scene = await source.scene(this.link, view, this.#control.signal).catch(() => this.#scene);
      const frame = await fetcher.exact(this.own(this.player.step)).catch(() => this.frame);
      if (fetcher !== this.#fetcher || this.#control.signal.aborted) return; // looked at anew meanwhile, or closed
      await this.picture.show(scene, frame, picture.camera);
      this.frame = frame;
      this.#approach?.stop();
      this.#approach = new parts.Approach(fetcher, (next) => this.#draw(next));
      this.follow(this.player.step);
      this.player.beside();
    }

    /** The step of this run that stands beside `step` of the first: as many updates of the net. */
    own(step) {
      return Math.min(this.last, Math.max(0, step + this.shift));
    }

    /** Which of its phases is shown, in words. */
    get phase() {
      return this.frame ? parts.phaseAt(this.bands, this.last, this.frame.meta.step) : "";
    }

    /** The step whose full picture is seen, or null. */
    get shown() {
      return this.frame && !this.frame.meta.draft ? this.frame.meta.step : null;
    }

    get shift() {
      return (this.player.base ?? 0) - this.base;
    }

    /** Draws what belongs to `step` of the first run; while playing, the nearest there is. */
    follow(step) {
      if (!this.#approach) return;
      const [own, before] = [this.own(step), this.#step];
      this.#end(step + this.shift > this.last);
      this.#step = own;
      if (own === this.#approach.step && !this.player.playing) return;
      this.#fetcher.moved(before, own);
      if (this.player.playing) {
        this.#approach.stop();
        this.#approach.near(own);
      } else this.#approach.go(own, { hasty: true, moving: true });
      this.#fetcher.pump();
    }

    // The first run has gone on where this one has ended.
    #end(over) {
      if (over === this.#over) return;
      this.#over = over;
      this.label();
    }

    /** Draws just what belongs to `step` of the first run: for captures. */
    async exactly(step) {
      this.#approach?.stop();
      this.#step = this.own(step);
      const frame = await this.#fetcher.exact(this.#step).catch(() => null);
      if (frame && this.#step === this.own(step)) this.#draw(frame);
    }

    #draw(frame) {
      if (frame === this.frame || !this.picture.apply(frame, { pick: !this.player.playing })) return;
      this.frame = frame;
      if (this.shift) this.label();
      this.player.beside();
    }

    /** What the two runs differ in, above each. */
    label() {
      if (this.subtitle !== null) this.player.words.subtitle(this.player.subtitle, this.subtitle);
      const mine = this.player.fields ?? {};
      const theirs = this.fields ?? {};
      const names = Object.keys(theirs).filter((name) => mine[name] !== theirs[name]);
      [mine, theirs].forEach((fields, at) => {
        const words = names.slice(0, MOST).map((name) => `${say(`field.${name}`)} ${named(name, fields[name])}`);
        if (names.length > MOST) words.push("…");
        const key = at ? "compare.b" : "compare.a";
        let what = (this.heads[at].dataset.what = words.join(", ") || say("compare.same"));
        if (at && this.diverged !== null) what = say("compare.diverged", { what, step: this.diverged });
        else if (at && this.#over) what = say("compare.ended", { what, step: this.last });
        else if (at && this.shift && this.frame) what = say("compare.own", { what, step: this.frame.meta.step });
        write(this.heads[at], say(key, { what }));
      });
    }

    repaint() {
      return this.picture.repaint(this.player.picture.camera);
    }

    close() {
      this.#control.abort();
      this.#fetcher?.close();
      this.#approach?.stop();
      this.picture.remove();
      this.player.picture.turned = null;
      this.heads.forEach((head) => head.remove());
      this.stage.classList.remove("two");
      this.player.words.subtitle(this.player.subtitle);
    }
  };

  function named(name, value) {
    const key = `choice.${name}.${value}`;
    if (typeof value === "string") return (window.DIMPLE_TEXT || {})[key] ?? value.replace(/-/g, " ");
    return parts.number(value).replace(/\.?0+$/, "") || "0";
  }
})();
