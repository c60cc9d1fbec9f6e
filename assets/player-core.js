/* The player's state: which run and step, seeking, what is seen. It knows nothing of nets.
 *
 * A run is a stream of events (player-run.js), a step is a plotly frame; frames are fetched ahead (player-fetch.js)
 * from a source (player-source.js), played by player-playhead.js and drawn by player-picture.js.
 */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { say } = parts;

  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  parts.Player = class Player {
    link = "";
    view = {};
    last = 0;
    step = 0;
    shown = -1; // the step whose full picture is seen; -1 while it is a draft
    ready = false;
    log = true;
    frameTimes = [];
    run = null;
    retries = 0;
    steps = []; // log-spaced steps, the sequence of the logarithmic scale
    fetcher = null;
    base = 0; // updates of the net before step 0: more than none in a branch
    fields = null;
    subtitle = "";
    companion = null;
    every = []; // all steps that can be shown, the sequence of the linear scale
    #series = {};
    #scene = null;
    #usual = null; // the looks the page starts with
    #plain = null; // the view the server draws unasked, in the events of a run
    #switching = null;
    #coming = null; // the fetcher of a run that is ready and not shown yet

    constructor() {
      const byId = (id) => document.getElementById(id);
      this.source = parts.source;
      this.playhead = new parts.Playhead(this);
      this.words = new parts.Words();
      this.picture = new parts.Picture(byId("picture"));
      this.picture.remarked = () => this.words.legend(this.picture.legend);
      this.timeline = new parts.Timeline(byId("timeline"), {
        seek: (step, dragging) => this.seek(step, dragging),
        press: (step) => this.press(step),
        hover: (step) => this.hover(step),
        step: (by) => this.move(by),
        toggle: () => this.toggle(),
        scale: (log) => this.setScale(log),
        speed: (times) => this.setSpeed(times),
        loop: (on) => this.setLoop(on),
      });
      this.seeker = new parts.Seeker(this);
      this.chores = new parts.Chores(() => !this.ready || this.seeker.busy);
      this.charts = new parts.Charts(byId("charts"), this.chores, (step) => this.seek(step));
      this.numbers = new parts.Numbers(byId("numbers"));
      this.table = new parts.Table(byId("data"));
      if (!window.DIMPLE_RECORDED && byId("within")) this.#ask(byId);
      this.setScale(true);
      this.setLoop(false);
      this.timeline.setPlaying(false);
      this.timeline.move(0, null);
      this.words.advance(null);
      this.words.verdict("");
      document.addEventListener("keydown", parts.keyboard(this));
      document.addEventListener("dimple:unheard", () => this.words.tell("error gone", say("player_gone"), { advice: say("player_gone_controls") }));
      new MutationObserver(() => this.repaint()).observe(document.documentElement, {
        attributes: true, attributeFilter: ["data-mantine-color-scheme"],
      });
    }

    // What only a server can tell: a page that carries its recording goes without.
    #ask(byId) {
      this.within = new parts.Within(this, byId("within"));
      this.closer = new parts.Closer(this, byId("closer"), byId("closer-open"));
      this.picture.picked = (point) => this.closer.open(point);
    }

    // ---- a run

    /** Opens the run of `link`. The last good picture stays till the new one comes. */
    async open(link, { autoplay } = {}) {
      this.compare(new URLSearchParams(link.replace(/^\?/, "")).get("with"));
      this.run?.abort();
      this.#switching?.abort();
      this.#coming?.close();
      this.fetcher?.sleep();
      this.pause();
      this.#plain ??= this.view;
      this.run = new parts.Run(this, link, autoplay);
      await this.run.follow(this.source);
    }

    /** A first picture while the run is still going on. */
    preview(scene, frame) {
      this.ready = false;
      return this.#show(scene, frame);
    }

    /** No new run came of it: back to the one before, if there was one. */
    async recover(previewed) {
      if (!this.#scene) return;
      if (previewed) await this.#show(this.#scene, this.fetcher.frames.get(this.fetcher.frames.nearest(this.step)));
      this.ready = true;
      this.fetcher.wake();
      this.#look();
    }

    /** The run is ready. When its first picture is here all that is shown changes at once; then it plays, or shows the step that was looked at. */
    async begin(run, event) {
      const same = this.last > 0 && exhibitOf(this.link) === exhibitOf(run.link);
      const autoplay = run.autoplay ?? (run.step === null && !same && !calm.matches);
      const every = parts.everyStep(event);
      const near = (step) => every[parts.nearest(every, step)];
      const shift = this.base - (event.base ?? 0); // a branch begins where its parent is seen: after as many updates
      // the viewer may go on while the picture comes
      const kept = () => (!shift && this.step >= this.last ? event.last_step : Math.max(0, this.step + shift));
      const step = () => near(autoplay ? 0 : run.step ?? (same ? kept() : 0));
      const fetcher = (this.#coming = this.#fetching(run.link, this.view));
      const [scene, frame] = await this.#first(fetcher, event, step());
      if (this.run !== run) return;
      const opening = !this.#scene;
      this.ready = false;
      this.#switching?.abort();
      this.#coming = null;
      this.#scene = scene;
      this.step = step();
      this.link = run.link;
      this.last = event.last_step;
      this.steps = event.frame_steps;
      this.base = event.base ?? 0;
      this.fields = event.fields ?? null;
      this.every = every;
      this.#series = event.series ?? {};
      this.provenance = event.provenance;
      this.#attach(fetcher);
      this.timeline.reset(this.last);
      this.charts.show(event.charts, this.last);
      this.numbers.measured(null);
      this.table.measured(null);
      this.subtitle = event.subtitle ?? "";
      this.words.heading(event.title, this.subtitle, event.look);
      this.words.verdict("");
      await this.#show(scene, frame, run.camera);
      if (this.run !== run) return;
      if (this.companion && opening && !run.camera) await this.picture.zoom(parts.NARROW);
      this.picture.rehearse();
      this.ready = true;
      this.companion?.label();
      this.companion?.look();
      if (this.companion) this.overlay();
      document.body.classList.remove("is-working");
      announce("ready", { lastStep: this.last });
      this.#look();
      if (autoplay) return this.play();
      this.seeker.go(this.step);
    }

    // The stream draws the plain view. If the viewer has chosen another, or looks at another step, that is fetched.
    async #first(fetcher, event, step) {
      const plain = JSON.stringify(fetcher.view) === JSON.stringify(this.#plain);
      const last = parts.decode(event.frame);
      if (plain) fetcher.frames.put(last.meta.step, last);
      const scene = plain ? event.scene : this.source.scene(fetcher.link, fetcher.view).catch(() => event.scene);
      return Promise.all([scene, fetcher.exact(step).catch(() => last)]);
    }

    /** A scene with a frame in it, and all that goes with the step. */
    async #show(scene, frame, camera = null) {
      await this.picture.show(scene, frame, camera);
      document.getElementById("looks")?.classList.toggle("flat", !scene.layout.scene);
      this.words.legend(this.picture.legend);
      this.shown = frame?.meta.step ?? -1;
      this.tell(frame);
    }

    /** More of the run has been measured: its charts, and the rows of the table beside the frame's own numbers. */
    measured({ charts, table, names }) {
      this.charts.show(charts, this.last);
      this.numbers.measured(table, names);
      this.numbers.at(this.step);
      this.table.measured(table, names, this.#series);
    }

    phases({ bands, marks, verdict, two_phases: claimed }) {
      this.timeline.phases(bands, marks, claimed);
      this.words.verdict(verdict, claimed);
      this.timeline.move(this.step, this.accuracy());
      this.speak();
    }

    // ---- a second run beside this one

    /** Puts the run of `link` beside this one; null takes it away. */
    compare(link) {
      if ((this.companion?.link ?? null) === (link || null)) return;
      if (Boolean(link) !== Boolean(this.companion)) this.picture.zoom(link ? parts.NARROW : 1 / parts.NARROW);
      this.companion?.close();
      this.companion = link ? new parts.Companion(this, link) : null;
      this.overlay();
      this.companion?.open();
      announce("compare", { link });
    }

    /** Looks from [x, y, z]; from further away where two pictures share the place. */
    look(eye) {
      const [x, y, z] = eye.map((value) => (this.companion ? parts.NARROW : 1) * value);
      return this.picture.look({ x, y, z });
    }

    /** The other run's measures in charts and table. */
    overlay() {
      const { charts = [], shift = 0 } = this.companion ?? {};
      this.charts.overlay(charts, shift);
      this.beside();
    }

    /** The other run's numbers of this step. */
    beside() {
      const { table = null, names = {}, frame = null } = this.companion ?? {};
      this.numbers.beside(this.companion ? { table, names, own: frame?.meta.numbers ?? [], step: this.companion.own(this.step) } : null);
    }

    #fetching(link, view) {
      return new parts.Fetcher(this.source, link, view, {
        course: () => this.playhead.course, hurried: () => this.playing, arrived: () => this.words.hush("gone"), failed: (error) => this.#frameLost(error),
      });
    }

    #attach(fetcher) {
      this.fetcher?.close();
      this.fetcher = fetcher;
      this.seeker.attach(fetcher);
    }

    #frameLost(error) {
      if (this.words.says("gone")) return;
      const refusal = error instanceof parts.Refusal ? error.event : null;
      const again = { label: say("player_again"), act: () => this.fetcher.again() };
      const actions = refusal && error.status < 500 ? [] : [again];
      this.words.tell("error gone", refusal?.message ?? say("player_gone"), { advice: refusal?.advice ?? say("player_gone_frames", { step: this.picture.frame?.meta.step }), actions });
    }

    // ---- how it is looked at

    /** View options that need no new training: scene and frame anew, the rest as it was. */
    async show(options) {
      this.#usual ??= options;
      this.view = { ...this.view, ...options };
      if (this.ready) await this.#look();
    }

    // To the picture as the viewer wants to look at it.
    async #look() {
      const { view, link, step } = this;
      this.#switching?.abort();
      if (JSON.stringify(view) === JSON.stringify(this.fetcher.view)) return;
      const control = (this.#switching = new AbortController());
      try {
        const [scene, frame] = await this.words.during(say("notice.drawing"), Promise.all([
          this.source.scene(link, view, control.signal), this.source.frame(link, view, step, { signal: control.signal }),
        ]));
        if (control.signal.aborted || !this.ready) return;
        const fetcher = this.#fetching(link, view);
        if (this.fetcher.asleep) fetcher.sleep();
        this.#attach(fetcher);
        fetcher.frames.put(frame.meta.step, frame);
        this.#scene = scene;
        await this.#show(scene, frame);
        this.companion?.look();
        this.seeker.go(this.step);
      } catch (error) {
        if (error.name !== "AbortError") this.#frameLost(error);
      }
    }

    async repaint() {
      await this.picture.repaint();
      await this.companion?.repaint();
      this.charts.repaint();
      this.within?.repaint();
      this.closer?.repaint();
      if (this.picture.legend) this.words.legend(this.picture.legend);
      if (this.fetcher) this.seeker.go(this.step);
    }

    setScale(log) {
      this.log = log;
      this.timeline.setScale(log);
      this.charts.setScale(log);
      this.playhead.put();
    }

    setLoop(on) {
      this.playhead.loop = on;
      this.timeline.setLoop(on);
    }

    setSpeed(times) {
      this.playhead.speed = times;
      this.timeline.setSpeed(times);
    }

    // ---- seeking

    /** To `step`; other steps may follow at once while the viewer drags. */
    seek(step, dragging = false) {
      if (!this.last) return;
      if (dragging) this.pause();
      this.seeker.go(this.every[parts.nearest(this.every, step)], dragging);
    }

    /** The pointer has gone down on `step`: it may be a click or the beginning of a drag. */
    press(step) {
      this.pause();
      this.seek(step);
    }

    /** The pointer lies on `step`; null: it has left the time line. */
    hover(step) {
      if (this.last) this.seeker.hover(step === null ? null : this.every[parts.nearest(this.every, step)]);
    }

    /** By `by` steps; stepping is looking closely, so playing ends. */
    move(by) {
      this.pause();
      this.seek(this.#next(by));
    }

    /** The step `by` entries further among all, or the end. */
    #next(by) {
      return this.every[Math.min(this.every.length - 1, Math.max(0, parts.nearest(this.every, this.step) + by))];
    }

    /** To the next turn of the run (by = 1) or the one before (-1): its ends, phases and marks. */
    jump(by) {
      const { stops } = this.timeline;
      const next = by > 0 ? stops.find((stop) => stop > this.step) : stops.findLast((stop) => stop < this.step);
      this.pause();
      if (next !== undefined) this.seek(next);
    }

    // ---- playing

    get playing() {
      return this.playhead.running;
    }

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    play() {
      if (!this.ready || this.playing) return;
      if (this.step >= this.sequence.at(-1)) this.seeker.go(this.sequence[0]);
      this.playhead.start();
      this.timeline.setPlaying(true);
      announce("play", {});
      this.fetcher.pump();
    }

    pause() {
      if (!this.playing) return;
      this.playhead.stop();
      this.timeline.setPlaying(false);
      this.picture.settle();
      announce("pause", {});
      this.seeker.go(this.step);
    }

    /** Steps to play through: the log-spaced ones, or all. */
    get sequence() {
      return this.log ? this.steps : this.every;
    }

    // ---- drawing

    /** Draws the frame of `step`. */
    draw(frame, step) {
      this.step = step;
      this.paint(frame, false);
    }

    /** Draws a frame, be it of the step asked for or of another; `pick` as in Picture.apply. */
    paint(frame, pick = !this.playing) {
      const start = performance.now();
      if (this.picture.apply(frame, { pick })) this.shown = frame.meta.draft ? -1 : frame.meta.step;
      this.tell(frame);
      this.frameTimes.push(performance.now() - start);
      if (this.frameTimes.length > 1000) this.frameTimes.shift();
    }

    accuracy(step = this.step) {
      return this.#series.accuracy?.[step] ?? null;
    }

    /** Cursor, numbers and words of the step asked for; the frame may be a neighbour's while its own is fetched. */
    tell(frame) {
      this.timeline.move(this.step, this.accuracy() ?? frame?.meta.accuracy ?? null);
      this.charts.move(this.step);
      this.numbers.at(this.step, frame?.meta.numbers);
      this.companion?.follow(this.step);
      announce("step", { step: this.step });
    }

    speak() {
      if (!this.playing && this.last) this.words.summary(() => parts.summary(this));
    }

    // ---- for the page and for tests

    state() {
      const { step, shown, playing, last: lastStep, ready, link, view, log, playhead: { speed, loop, stride }, frameTimes } = this;
      return {
        step, shown, drafted: this.picture.frame?.meta.draft ? this.picture.frame.meta.step : -1, playing, lastStep, ready, link, coming: this.run?.link ?? link, view, log, speed, loop, stride, frameTimes: [...frameTimes],
        camera: this.picture.camera, path: this.picture.path, cached: this.fetcher?.frames.size ?? 0, beside: this.companion?.link ?? null,
        lift: this.picture.frame?.meta.lift ?? {}, within: this.within?.state ?? null, closer: this.closer?.state ?? null, besideShown: this.companion?.shown ?? null, besideCamera: this.companion?.picture.camera ?? null, decodeTimes: [...parts.decodeTimes],
      };
    }

    /** The link of what is seen now: run, step, camera, looks, the run beside it and the lesson. */
    share() {
      const params = new URLSearchParams(this.link.replace(/^\?/, ""));
      params.set("step", this.step);
      if (this.companion) params.set("with", this.companion.link);
      else params.delete("with");
      for (const [name, value] of Object.entries(this.view)) {
        if (value === this.#usual?.[name]) params.delete(name);
        else params.set(name, value);
      }
      const lesson = parts.lesson?.where();
      if (lesson) params.set("lesson", lesson);
      else params.delete("lesson");
      const eye = this.picture.camera?.eye;
      if (eye) params.set("camera", [eye.x, eye.y, eye.z].map((value) => value.toFixed(2)).join(","));
      return params.toString();
    }
  };

  const announce = (name, detail) => document.dispatchEvent(new CustomEvent(`dimple:${name}`, { detail }));

  // Another exhibit is another story, told from the start; another knob is the same one, looked at where it was.
  const exhibitOf = (link) => new URLSearchParams(link.replace(/^\?/, "")).get("exhibit");
})();
