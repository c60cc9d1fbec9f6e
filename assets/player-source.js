/* Where runs and frames come from: the server, or a recording carried by an exported page. And the cache of frames. */
(() => {
  const parts = (window.dimpleParts ??= {});

  /** An answer of the server that is not a picture: `event` as in the stream of a run, `status` of HTTP. */
  class Refusal extends Error {
    constructor(event, status) {
      super(event.message);
      Object.assign(this, { event, status });
    }
  }

  async function answer(response) {
    if (response.ok) return response;
    const event = await response.json().catch(() => null);
    throw new Refusal(event?.message ? event : { message: `HTTP ${response.status}`, advice: "" }, response.status);
  }

  const PAGE = ["step", "camera", "with", "lesson"]; // what of a link is the page's business, not the server's

  /** The run a link means, without what only the page knows. */
  function bare(link) {
    const params = new URLSearchParams(link);
    [...PAGE, ...window.DIMPLE_LOOKS, "lang"].forEach((own) => params.delete(own));
    return params.toString();
  }

  function query(link, options) {
    const params = new URLSearchParams(link.replace(/^\?/, ""));
    PAGE.forEach((own) => params.delete(own));
    for (const [name, value] of Object.entries(options)) params.set(name, typeof value === "boolean" ? +value : value);
    return params.toString();
  }

  const decodeTimes = []; // main-thread milliseconds a frame, off the play path

  const server = {
    /** Calls onEvent for each line of the run's stream; resolves at its end. Aborting cancels the run. */
    async run(link, onEvent, signal) {
      const response = await answer(await fetch(`/api/run?${query(link, {})}`, { signal }));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        const lines = (rest + (value ?? "")).split("\n");
        rest = done ? "" : lines.pop();
        for (const line of lines) if (line.trim()) onEvent(JSON.parse(line));
        if (done) return;
      }
    },
    /** The frame of a step. `urgency`: a priority after RFC 9218, where nobody waits for it yet; else `asker` waits for no other. `draft`: on a coarser grid, where that is sooner. */
    async frame(link, view, step, { signal, urgency, asker, draft } = {}) {
      const headers = urgency ? { Priority: urgency } : asker ? { "X-Asker": asker } : {};
      // In the browser's cache a request would wait for an earlier, less urgent one of the same step.
      const how = { signal, headers, cache: "no-store" };
      const response = await answer(await fetch(`/api/frame?${query(link, { ...view, step, ...(draft && { draft }) })}`, how));
      const text = await response.text();
      const start = performance.now();
      const frame = parts.decode(JSON.parse(text));
      if (decodeTimes.push(performance.now() - start) > 300) decodeTimes.shift();
      return frame;
    },
    async scene(link, view, signal) {
      return (await answer(await fetch(`/api/scene?${query(link, view)}`, { signal }))).json();
    },
    /** What /api/`path` says of the run of a link. */
    async told(path, link, options, signal) {
      return (await answer(await fetch(`/api/${path}?${query(link, options)}`, { signal }))).json();
    },
  };

  /** The object in gzipped JSON in base64. */
  const inflated = (base64) => new Response(new Blob([parts.bytes(base64)]).stream().pipeThrough(new DecompressionStream("gzip"))).json();

  /** A source over `{runs: [{link, events, frames: {step: gzipped JSON in base64}}]}`: only the carried steps can be shown. */
  function recorded({ runs }) {
    const of = (link) => runs.find((run) => bare(run.link) === bare(link)) ?? runs[0];
    const carried = ({ frames }) => Object.keys(frames).map(Number).sort((a, b) => a - b);
    return {
      async run(link, onEvent) {
        const steps = carried(of(link));
        for (const event of of(link).events) onEvent(event.event === "ready" ? { ...event, frame_steps: steps, carried: steps } : event);
      },
      async frame(link, _view, step) {
        const steps = carried(of(link));
        return parts.decode(await inflated(of(link).frames[steps[parts.nearest(steps, step)]]));
      },
      async scene(link) {
        return of(link).events.find((event) => event.event === "ready").scene;
      },
    };
  }

  const MOST_BYTES = 150e6;
  const MOST_FRAMES = 600;

  /** Bytes of the typed arrays in a frame. */
  function weight(tree) {
    if (ArrayBuffer.isView(tree)) return tree.byteLength;
    return tree && typeof tree === "object" ? Object.values(tree).reduce((sum, part) => sum + weight(part), 0) : 0;
  }

  /** Frames by step. Past its bounds it forgets the one looked at longest ago. */
  class Frames {
    #kept = new Map();
    #bytes = 0;
    get(step) {
      const frame = this.#kept.get(step);
      if (frame) {
        this.#kept.delete(step);
        this.#kept.set(step, frame);
      }
      return frame;
    }
    has(step) {
      return this.#kept.has(step);
    }
    put(step, frame) {
      if (this.#kept.has(step)) return;
      this.#kept.set(step, frame);
      this.#bytes += weight(frame);
      for (const [oldest, old] of this.#kept) {
        if (this.#bytes <= MOST_BYTES && this.#kept.size <= MOST_FRAMES) break;
        this.#kept.delete(oldest);
        this.#bytes -= weight(old);
      }
    }
    /** The kept step nearest to `step`, or null. */
    nearest(step) {
      let best = null;
      for (const kept of this.#kept.keys()) {
        if (best === null || Math.abs(kept - step) < Math.abs(best - step)) best = kept;
      }
      return best;
    }
    get size() {
      return this.#kept.size;
    }
    /** Whether another frame would cost an old one. */
    get full() {
      const mean = this.#bytes / Math.max(1, this.size);
      return this.size >= MOST_FRAMES || this.#bytes + mean > MOST_BYTES;
    }
  }

  const source = window.DIMPLE_RECORDED ? recorded(window.DIMPLE_RECORDED) : server;

  Object.assign(parts, { Refusal, Frames, MOST_FRAMES, server, source, answer, bare, query, decodeTimes });
})();
