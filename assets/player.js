/* The player: opens a run, plays and seeks through its steps, and offers all that to the page as window.dimple.
 *
 * It knows nothing of nets. A run is a stream of events, a step is a plotly frame; both come from a source
 * (player-source.js), are fetched ahead (player-fetch.js) and drawn by player-picture.js.
 */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { say } = parts;

  const WHOLE = 11; // seconds to play a run once at speed 1
  const REST = 1.2; // seconds at the last step before a loop starts over
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  class Player {
    link = "";
    view = {};
    last = 0;
    step = 0;
    shown = -1;
    playing = false;
    ready = false;
    log = true;
    speed = 1;
    loop = false;
    frameTimes = [];
    #at = 0; // playhead: index into the sequence, with fraction
    #then = 0;
    #rested = 0;
    #run = null;
    #retry = 0;
    #fetcher = null;
    #switching = null;
    #series = {};
    #steps = [];
    #numbers = null;
    #scrub = null;

    constructor() {
      const byId = (id) => document.getElementById(id);
      this.source = window.DIMPLE_RECORDED ? parts.recorded(window.DIMPLE_RECORDED) : parts.server;
      this.words = new parts.Words();
      this.picture = new parts.Picture(byId("picture"));
      this.timeline = new parts.Timeline(byId("timeline"), {
        seek: (step, dragging) => this.seek(step, dragging),
        step: (by) => this.move(by),
        toggle: () => (this.playing ? this.pause() : this.play()),
        scale: (log) => this.setScale(log),
        speed: (times) => (this.speed = times),
        loop: (on) => this.setLoop(on),
      });
      this.charts = new parts.Charts(byId("charts"), (step) => this.seek(step));
      this.#numbers = new parts.Numbers(byId("numbers"));
      this.setScale(true);
      this.setLoop(false);
      this.timeline.setPlaying(false);
      this.timeline.move(0, null);
      this.words.advance(null);
      this.words.verdict("");
      document.addEventListener("keydown", (event) => this.#key(event));
      new MutationObserver(() => this.repaint()).observe(document.documentElement, {
        attributes: true, attributeFilter: ["data-mantine-color-scheme"],
      });
    }

    // ---- opening a run

    /** Opens the run of `link`. The last good picture stays till the new one comes. */
    async open(link, { autoplay } = {}) {
      this.#run?.control.abort();
      this.#fetcher?.close();
      this.pause();
      const own = new URLSearchParams(link.replace(/^\?/, ""));
      const run = { link, control: new AbortController(), autoplay, started: false, over: false };
      run.step = own.has("step") ? Number(own.get("step")) : null;
      run.camera = cameraOf(own.get("camera"));
      this.#run = run;
      this.words.hush("error", "warning");
      this.words.advance(undefined);
      document.body.classList.add("is-working");
      try {
        await this.source.run(link, (event) => this.#run === run && this.#heard(run, event), run.control.signal);
        if (this.#run === run && !run.over) throw new TypeError("the stream ended early");
      } catch (error) {
        if (this.#run === run && error.name !== "AbortError") this.#lost(error, () => this.open(link, { autoplay }));
      }
    }

    #heard(run, event) {
      const does = {
        queued: () => this.words.tell("busy", say("player_queued", { place: event.place })),
        progress: () => this.#progressed(run, event),
        preview: () => this.#preview(event),
        ready: () => this.#begin(run, event),
        measures: () => run.started && this.charts.show(event.charts, this.last),
        phases: () => this.#phases(event),
        error: () => this.#refused(run, event),
        done: () => this.#done(run),
      }[event.event];
      does?.();
      if (event.event === "done" || event.event === "error") run.over = true;
    }

    #progressed(run, { step, steps, what, accuracy }) {
      const values = { step, last: steps, accuracy: accuracy?.toFixed(2) ?? "–" };
      this.words.advance(steps ? step / steps : undefined, say(`player_${what}`, values));
      if (!run.started) this.words.tell("busy", say(`player_${what}`, values));
    }

    async #preview({ scene, frame }) {
      this.ready = false;
      await this.picture.show(scene, parts.decode(frame));
      this.words.legend(this.picture.legend);
    }

    async #begin(run, event) {
      const same = sameStory(this.link, run.link) && this.ready;
      const ended = this.step >= this.last;
      const autoplay = run.autoplay ?? (run.step === null && !same && !calm.matches);
      run.started = true;
      this.link = run.link;
      this.last = event.last_step;
      this.#steps = event.frame_steps;
      this.#series = event.series ?? {};
      this.#attach(this.view);
      this.#fetcher.frames.put(event.frame.meta.step, { ...parts.decode(event.frame), bytes: 3e5 });
      this.timeline.reset(this.last);
      this.words.heading(event.title, event.subtitle);
      this.words.verdict("");
      this.words.hush("busy");
      if (event.diverged_at !== null && event.diverged_at !== undefined) {
        this.words.tell("warning", say("player_diverged", { step: event.diverged_at }), { advice: say("player_diverged_advice") });
      }
      this.charts.show(event.charts, this.last);
      const start = autoplay ? 0 : run.step ?? (same && !ended ? this.step : same ? this.last : 0);
      this.step = Math.min(Math.max(0, start), this.last);
      const first = await this.#fetcher.exact(this.step).catch(() => this.#fetcher?.frames.get(this.last));
      if (this.#run !== run) return;
      await this.#show(event.scene, first, run.camera);
      this.ready = true;
      document.body.classList.remove("is-working");
      announce("ready", { lastStep: this.last });
      if (autoplay) this.play();
      else this.#fetcher.pump();
    }

    /** A scene with a frame in it, and all that goes with the step. */
    async #show(scene, frame, camera = null) {
      await this.picture.show(scene, frame, camera);
      this.words.legend(this.picture.legend);
      this.shown = frame?.meta.step ?? -1;
      this.#tellStep(frame);
    }

    #phases({ bands, marks, verdict, two_phases: claimed }) {
      this.timeline.phases(bands, marks, claimed);
      this.words.verdict(verdict, claimed);
      this.#speak();
    }

    #refused(run, { message, advice }) {
      document.body.classList.remove("is-working");
      this.words.advance(null);
      this.words.tell("error", message, { advice });
      run.control.abort();
      if (!run.started && this.link) this.#attach(this.view);
    }

    #done(run) {
      this.words.advance(null);
      this.words.hush("busy");
      if (run.started) this.#fetcher?.pump();
    }

    #attach(view) {
      this.#fetcher?.close();
      this.#fetcher = new parts.Fetcher(this.source, this.link, view, {
        wanted: () => parts.wanted({ ...this, sequence: this.#sequence, at: this.#at, stride: this.#stride }),
        arrived: () => this.words.hush("gone"),
        failed: (error) => this.#frameLost(error),
      });
    }

    // ---- trouble

    /** The run could not be had: say so, and try again later if the server was silent or full. */
    #lost(error, again) {
      document.body.classList.remove("is-working");
      this.words.advance(null);
      const refusal = error instanceof parts.Refusal ? error.event : null;
      if (refusal && error.status < 500) return this.words.tell("error", refusal.message, { advice: refusal.advice });
      const seconds = Math.min(30, 2 ** this.#retry++);
      const run = this.#run;
      const timer = setTimeout(() => this.#run === run && again(), 1000 * seconds);
      const act = () => {
        clearTimeout(timer);
        this.#retry = 0;
        again();
      };
      const advice = [refusal?.advice, say("player_retry", { seconds })].filter(Boolean).join(" ");
      this.words.tell("error gone", refusal?.message ?? say("player_gone"), { advice, actions: [{ label: say("player_again"), act }] });
    }

    #frameLost(error) {
      const refusal = error instanceof parts.Refusal ? error.event : null;
      const act = () => this.#fetcher.again();
      const actions = refusal && error.status < 500 ? [] : [{ label: say("player_again"), act }];
      this.words.tell("error gone", refusal?.message ?? say("player_gone"), { advice: refusal?.advice ?? say("player_gone_frames"), actions });
    }

    // ---- view options

    /** View options that need no new training: scene and frame anew, the rest as it was. */
    async show(options) {
      this.view = { ...this.view, ...options };
      if (!this.last) return;
      this.#switching?.abort();
      const control = (this.#switching = new AbortController());
      const view = this.view;
      const link = this.link;
      try {
        const [scene, frame] = await Promise.all([
          this.source.scene(link, view, control.signal), this.source.frame(link, view, this.step, control.signal),
        ]);
        if (control.signal.aborted || link !== this.link) return;
        this.#attach(view);
        this.#fetcher.frames.put(frame.meta.step, frame);
        await this.#show(scene, frame);
        this.#fetcher.pump();
        this.#goto(this.step);
      } catch (error) {
        if (error.name !== "AbortError") this.#frameLost(error);
      }
    }

    async repaint() {
      await this.picture.repaint();
      this.charts.repaint();
      if (this.picture.legend) this.words.legend(this.picture.legend);
    }

    setScale(log) {
      this.log = log;
      this.timeline.setScale(log);
      this.charts.setScale(log);
      this.#at = this.#indexOf(this.step);
    }

    setLoop(on) {
      this.loop = on;
      this.timeline.setLoop(on);
    }

    // ---- seeking

    /** To `step`: at once with the nearest picture there is, then with its own. */
    seek(step, dragging = false) {
      if (!this.last) return;
      if (dragging) this.pause();
      this.#goto(Math.min(this.last, Math.max(0, Math.round(step))), dragging);
    }

    /** By `by` steps; stepping is looking closely, so playing ends. */
    move(by) {
      this.pause();
      this.seek(this.step + by);
    }

    #goto(step, dragging = false) {
      this.step = step;
      this.#at = this.#indexOf(step);
      this.#rested = 0;
      const frames = this.#fetcher?.frames;
      if (!frames) return;
      const near = frames.has(step) ? step : frames.nearest(step);
      if (near !== null && near !== this.shown) this.#draw(frames.get(near));
      else this.#tellStep(frames.get(step));
      clearTimeout(this.#scrub);
      if (near !== step) this.#scrub = setTimeout(() => this.#exact(step), dragging ? 60 : 0);
      else if (!this.playing) this.#fetcher.pump();
      this.#speak();
    }

    async #exact(step) {
      const fetcher = this.#fetcher;
      const frame = await fetcher.exact(step).catch(() => null);
      if (!frame || fetcher !== this.#fetcher || this.step !== step) return;
      this.#draw(frame);
      if (!this.playing) fetcher.pump();
    }

    // ---- playing

    play() {
      if (!this.last || this.playing) return;
      if (this.step >= this.last) this.#goto(0);
      this.#at = this.#indexOf(this.step);
      this.playing = true;
      this.#then = performance.now();
      this.timeline.setPlaying(true);
      announce("play", {});
      this.#fetcher?.pump();
      requestAnimationFrame((now) => this.#tick(now));
    }

    pause() {
      if (!this.playing) return;
      this.playing = false;
      this.timeline.setPlaying(false);
      this.picture.settle();
      announce("pause", {});
      this.#speak();
      this.#goto(this.step);
    }

    /** Steps to play through: the log-spaced ones, or all. */
    get #sequence() {
      if (this.log) return this.#steps;
      return (this.allSteps = this.allSteps?.length === this.last + 1 ? this.allSteps : Array.from({ length: this.last + 1 }, (_, step) => step));
    }

    #indexOf(step) {
      const sequence = this.#sequence;
      return sequence.length ? parts.nearest(sequence, step) : 0;
    }

    /** Sequence entries a second. */
    get #rate() {
      return (this.speed * Math.max(60, this.#sequence.length)) / WHOLE;
    }

    /** Entries from one shown frame to the next: more than one where neither screen nor server could keep up. */
    get #stride() {
      return Math.max(1, Math.ceil(this.#rate / Math.min(30, this.#fetcher?.pace ?? 30)));
    }

    #tick(now) {
      if (!this.playing) return;
      const passed = Math.min(0.25, (now - this.#then) / 1000);
      this.#then = now;
      const sequence = this.#sequence;
      const end = sequence.length - 1;
      const from = this.#indexOf(this.step);
      const aim = Math.min(end, this.#at + passed * this.#rate);
      const next = this.#newest(sequence, from, Math.floor(aim));
      // nothing new to show yet: the playhead waits rather than runs away
      this.#at = next === null ? Math.min(aim, Math.max(this.#at, from + this.#stride)) : aim;
      if (next !== null) {
        this.step = sequence[next];
        this.#draw(this.#fetcher.frames.get(this.step));
        this.#fetcher.pump();
      }
      if (this.step >= sequence[end]) this.#ended(passed);
      if (this.playing) requestAnimationFrame((later) => this.#tick(later));
    }

    /** The latest fetched entry after `from` up to `to`, or null. */
    #newest(sequence, from, to) {
      for (let index = to; index > from; index--) if (this.#fetcher.frames.has(sequence[index])) return index;
      return null;
    }

    #ended(passed) {
      this.#rested += passed;
      if (!this.loop) return this.pause();
      if (this.#rested < REST) return;
      this.#goto(0);
    }

    // ---- drawing

    #draw(frame) {
      const start = performance.now();
      if (!this.picture.apply(frame, { pick: !this.playing })) return;
      this.shown = frame.meta.step;
      this.#tellStep(frame);
      this.frameTimes.push(performance.now() - start);
      if (this.frameTimes.length > 1000) this.frameTimes.shift();
    }

    /** Cursor, numbers and words of the step asked for; the frame may be a neighbour's while its own is fetched. */
    #tellStep(frame) {
      const accuracy = this.#series.accuracy?.[this.step] ?? frame?.meta.accuracy ?? null;
      this.timeline.move(this.step, accuracy);
      this.charts.move(this.step);
      if (frame?.meta.numbers) this.#numbers.show(frame.meta.numbers);
      announce("step", { step: this.step });
    }

    #speak() {
      if (this.playing || !this.last) return;
      const accuracy = this.#series.accuracy?.[this.step]?.toFixed(2) ?? "–";
      const values = { step: this.step, last: this.last, accuracy, phase: this.timeline.phaseAt(this.step) };
      this.words.summary(say(values.phase ? "player_summary_phase" : "player_summary", values));
    }

    // ---- keyboard

    #key(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.last) return;
      const own = event.target === this.timeline.input;
      const typing = event.target.closest?.(
        "input, textarea, select, [contenteditable=true], [role=slider], [role=combobox], [role=tab], [role=radio], [role=menuitem], [role=option], [role=dialog]");
      if (typing && !own) return;
      const does = {
        " ": () => (this.playing ? this.pause() : this.play()),
        ArrowLeft: () => this.move(event.shiftKey ? -10 : -1),
        ArrowRight: () => this.move(event.shiftKey ? 10 : 1),
        Home: () => this.seek(0),
        End: () => this.seek(this.last),
      }[event.key];
      // space on a button presses that button
      if (!does || (event.key === " " && event.target.closest?.("button, a, summary"))) return;
      event.preventDefault();
      does();
    }

    // ---- pictures to keep

    async capture(width = 1280, height = 720) {
      const accuracy = this.#series.accuracy?.[this.shown];
      const values = { step: this.shown, last: this.last, accuracy: accuracy?.toFixed(2) ?? "–" };
      return parts.compose(this.picture, {
        title: document.getElementById("title").textContent,
        subtitle: document.getElementById("subtitle").textContent,
        step: `${say("player_where", values)}   ${say("player_accuracy", values)}`,
        phase: this.timeline.phaseAt(this.shown),
        caption: this.picture.caption.textContent,
      }, width, height);
    }

    async png({ width = 1920, height = 1080 } = {}) {
      const canvas = await this.capture(width, height);
      return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    }

    /** A GIF of `steps` (a list, or how many), turning by `turn` degrees in all. */
    async gif({ steps = 60, width = 800, height = 600, fps = 12, turn = 0, onProgress, signal } = {}) {
      const list = Array.isArray(steps) ? steps : thinned(this.#steps, steps);
      const home = this.step;
      const camera = this.picture.camera;
      const control = new AbortController();
      signal?.addEventListener("abort", () => control.abort());
      this.pause();
      const cancel = { label: say("player_cancel"), act: () => control.abort() };
      this.words.tell("busy", say("player_gif"), { actions: [cancel] });
      const draw = async (at) => {
        const frame = await this.#fetcher.exact(list[at]);
        if (camera) parts.scene.lookFrom(this.picture.plot, turned(camera, (turn * at) / Math.max(1, list.length - 1)));
        this.step = list[at];
        this.#draw(frame);
        return this.capture(width, height);
      };
      const report = (share) => {
        this.words.advance(share, say("player_gif"));
        onProgress?.(share);
      };
      try {
        return await parts.gif(draw, list.length, { fps, onProgress: report, signal: control.signal });
      } finally {
        this.words.hush("busy");
        this.words.advance(null);
        if (camera) parts.scene.lookFrom(this.picture.plot, camera);
        this.#goto(home);
      }
    }

    // ---- for the page and for tests

    state() {
      const { step, shown, playing, last: lastStep, ready, link, view, log, speed, loop, frameTimes } = this;
      return {
        step, shown, playing, lastStep, ready, link, view, log, speed, loop, frameTimes: [...frameTimes],
        camera: this.picture.camera, path: this.picture.path, cached: this.#fetcher?.frames.size ?? 0, stride: this.#stride,
      };
    }

    /** The link of what is seen now: run, step and camera. */
    share() {
      const params = new URLSearchParams(this.link.replace(/^\?/, ""));
      params.set("step", this.step);
      const camera = this.picture.camera;
      if (camera) params.set("camera", [camera.eye.x, camera.eye.y, camera.eye.z].map((value) => value.toFixed(2)).join(","));
      return params.toString();
    }
  }

  const announce = (name, detail) => document.dispatchEvent(new CustomEvent(`dimple:${name}`, { detail }));

  // Another exhibit is another story, told from the start; another knob is the same one, looked at where it was.
  const sameStory = (one, other) => exhibitOf(one) === exhibitOf(other);
  const exhibitOf = (link) => new URLSearchParams(link.replace(/^\?/, "")).get("exhibit");

  function cameraOf(text) {
    const [x, y, z] = (text ?? "").split(",").map(Number);
    return [x, y, z].every(Number.isFinite) && text ? { eye: { x, y, z } } : null;
  }

  /** The camera turned about the vertical axis through its centre. */
  function turned({ eye, center, up }, degrees) {
    const angle = (degrees * Math.PI) / 180;
    const [dx, dy] = [eye.x - center.x, eye.y - center.y];
    const x = center.x + dx * Math.cos(angle) - dy * Math.sin(angle);
    const y = center.y + dx * Math.sin(angle) + dy * Math.cos(angle);
    return { eye: { x, y, z: eye.z }, center, up };
  }

  /** About `count` entries of `list`, the first and the last among them. */
  function thinned(list, count) {
    if (list.length <= count) return list;
    return Array.from({ length: count }, (_, at) => list[Math.round((at * (list.length - 1)) / (count - 1))]);
  }

  // ---- start: the page builds its elements after the scripts have loaded, and brings plotly or not

  function elements() {
    const there = () => ["picture", "timeline", "charts", "numbers", "notice"].every((id) => document.getElementById(id));
    return new Promise((resolve) => {
      if (there()) return resolve();
      const watch = new MutationObserver(() => there() && (watch.disconnect(), resolve()));
      watch.observe(document.documentElement, { childList: true, subtree: true });
    });
  }

  function plotly() {
    if (window.Plotly) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const src = window.DIMPLE_PLOTLY ?? "/_dash-component-suites/plotly/package_data/plotly.min.js";
      const script = Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject });
      document.head.append(script);
    });
  }

  const started = Promise.all([elements(), plotly()]).then(() => (window.dimple.player = new Player()));
  const late = (name) => (...given) => started.then((player) => player[name](...given));
  const none = { step: 0, shown: -1, playing: false, lastStep: 0, ready: false, link: "", view: {}, camera: null, frameTimes: [] };

  window.dimple = {
    open: late("open"), show: late("show"), seek: late("seek"), play: late("play"), pause: late("pause"), move: late("move"),
    capture: late("capture"), png: late("png"), gif: late("gif"), repaint: late("repaint"), setScale: late("setScale"), setLoop: late("setLoop"),
    state: () => window.dimple.player?.state() ?? none,
    mesh: () => window.dimple.player?.picture.mesh() ?? null,
    share: () => window.dimple.player?.share() ?? "",
    download: parts.download,
    player: null,
  };
  if (window.DIMPLE_RECORDED) window.dimple.open(window.DIMPLE_RECORDED.link ?? "");
})();
