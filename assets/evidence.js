/* The evidence beside the picture: an exhibit's claims measured in this seed or in many, its runs, a sweep of a field. */
(() => {
  const THEORY = ["frozen-weights", "codimension"];
  const FIGURE = { minimumFractionDigits: 0, maximumSignificantDigits: 3 };

  const say = (key, values) => window.dimpleParts.say(`evidence.${key}`, values);
  const el = (...given) => window.dimpleParts.el(...given);
  const byId = (id) => document.getElementById(id);
  const figure = (value) => (value === null || value === undefined ? "–" : Math.abs(value) < 1e-3 && value !== 0
    ? value.toExponential(1) : value.toLocaleString("en", FIGURE).replace(/,/g, ""));
  const range = ({ value, low, high }) => (low === null || figure(low) === figure(high) ? figure(value) : `${figure(value)} (${figure(low)} … ${figure(high)})`);
  const verdict = (holds) => (holds === null ? "undefined" : holds ? "holds" : "fails");
  const chip = (kind) => el("span", { class: `chip ${kind}` }, say(kind));

  /** A drawing of the server. */
  function drawing(svg) {
    const node = el("div", { class: "drawing" });
    node.innerHTML = svg;
    return node;
  }

  /** What a link means without the page's own business. */
  function plain(link) {
    const query = new URLSearchParams(link.replace(/^\?/, ""));
    for (const own of ["step", "camera", "with", "lang", "lesson"]) query.delete(own);
    return query;
  }

  /** Fills the controls, and with them the picture, from a link. */
  const open = (link) => window.dash_clientside.set_props("address", { search: `?${link}` });

  /** The events of a stream; resolves at its end, rejects with the server's own words. */
  async function follow(url, heard, signal) {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error((await response.json().catch(() => null))?.message ?? `HTTP ${response.status}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      const lines = (rest + (value ?? "")).split("\n");
      rest = done ? "" : lines.pop();
      for (const line of lines.filter(Boolean)) {
        const event = JSON.parse(line);
        if (event.event === "error") throw new Error([event.message, event.advice].filter(Boolean).join(" "));
        heard(event);
      }
      if (done) return;
    }
  }

  /** Work on the server that can be cancelled: one button that starts it, its progress, another that ends it. */
  class Job {
    #control = null;

    constructor(counted) {
      this.counted = counted; // the sentence of the progress
      this.bar = el("progress", { max: 1, "aria-label": say("tab") });
      this.text = el("span", { "aria-live": "off" });
      this.cancel = el("button", { type: "button", onclick: () => this.stop(say("cancelled")) }, say("cancel"));
      this.going = el("div", { class: "going", hidden: true }, this.bar, this.text, this.cancel);
      this.note = el("p", { class: "note", role: "status" });
      this.node = el("div", {}, this.going, this.note);
    }

    stop(why = "") {
      this.#control?.abort();
      this.#control = null;
      this.going.hidden = true;
      this.note.textContent = why;
    }

    /** heard: called with each event; failed: once, where the work ends without its result. */
    async start(url, heard, failed = () => {}) {
      this.stop();
      const control = (this.#control = new AbortController());
      this.going.hidden = false;
      this.bar.removeAttribute("value");
      this.text.textContent = "";
      try {
        await follow(url, (event) => control === this.#control && this.#heard(event, heard), control.signal);
        if (control === this.#control) this.stop();
      } catch (error) {
        if (control === this.#control) this.stop(error.message);
        if (!this.#control) failed();
      }
    }

    #heard(event, heard) {
      if (event.event === "queued") this.text.textContent = say("queued", { place: event.place });
      else if (event.event === "progress") {
        const now = Math.min(event.total, Math.floor(event.done) + 1);
        this.bar.value = event.done / event.total;
        this.text.textContent = say(this.counted, { seed: now, run: now, total: event.total, what: event.what });
      } else heard(event);
    }
  }

  class Panel {
    #link = "";
    #about = null;
    #asked = 0;

    constructor(root) {
      this.root = root;
      this.section = root.parentElement;
      this.job = new Job("seed_of");
      this.swept = new Job("run_of");
      this.#tabs();
    }

    #tabs() {
      const tabs = ["charts", "evidence"].map((name) => el("button", {
        type: "button", role: "tab", id: `tab-${name}`, onclick: () => this.show(name === "evidence"),
      }, say(name === "evidence" ? "tab" : name)));
      const list = byId("tabs");
      list.setAttribute("role", "tablist");
      list.setAttribute("aria-label", say("tabs"));
      list.replaceChildren(...tabs);
      list.addEventListener("keydown", (event) => {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        event.preventDefault(); // the arrows of a tab list are its own, not the time line's
        this.show(!this.shown);
        tabs[+this.shown].focus();
      });
      this.tabs = tabs;
      this.root.setAttribute("role", "tabpanel");
      this.root.setAttribute("aria-labelledby", "tab-evidence");
      this.show(false);
    }

    /** The evidence, or the charts. */
    show(shown) {
      const changed = this.shown !== undefined && this.shown !== shown;
      this.shown = shown;
      byId("page").classList.toggle("evident", shown);
      this.tabs.forEach((tab, i) => {
        tab.setAttribute("aria-selected", Boolean(i) === shown);
        tab.tabIndex = Boolean(i) === shown ? 0 : -1;
      });
      if (!changed) return;
      window.dispatchEvent(new Event("resize"));
      if (!shown) window.dimple.repaint();
      else this.opened(window.dimple.state().link);
    }

    /** Another run has been opened: what is shown of another exhibit or setup would be wrong beside it. */
    async opened(link) {
      if (!this.shown || `${plain(link)}` === this.#link) return;
      const query = plain(link);
      this.#link = `${query}`;
      const asked = ++this.#asked;
      const answer = await fetch(`/api/experiment?${query}`).catch(() => null);
      const told = await answer?.json();
      if (asked !== this.#asked) return;
      this.job.stop();
      this.swept.stop();
      if (!answer?.ok) {
        this.#link = ""; // it is asked again
        this.root.replaceChildren(el("p", { class: "note", role: "status" }, told?.message ?? window.dimpleParts.say("player_gone")));
        return;
      }
      this.#about = told;
      this.#build();
    }

    #build() {
      const { claims, cases, note, exhibit } = this.#about;
      this.claims = new Map(claims.map((claim) => [claim.name, this.#claim(claim)]));
      this.results = el("div", { class: "results" });
      const own = [
        note && el("p", { class: "mute" }, note), this.#ask(), this.job.node,
        el("div", { class: "claims" }, ...[...this.claims.values()].map(({ node }) => node)), this.results,
        this.#folded("cases", this.#cases(cases)),
      ];
      const none = [el("p", { class: "mute" }, say("none")), this.#links(["dimpled-sheet", ...THEORY])];
      this.root.replaceChildren(
        ...(claims.length ? own : none).filter(Boolean), this.#folded("sweep", this.#sweep()),
        this.#folded("theory", this.#links(THEORY.filter((name) => name !== exhibit))));
    }

    #folded(name, node, opened = false) {
      return el("details", { open: opened, "data-part": name }, el("summary", {}, say(name)), node);
    }

    #links(exhibits) {
      const name = (exhibit) => window.DIMPLE_TEXT[`exhibit.${exhibit}`] ?? exhibit;
      return el("div", { class: "links" }, ...exhibits.map((exhibit) =>
        el("button", { type: "button", onclick: () => open(`exhibit=${exhibit}`) }, name(exhibit))));
    }

    #ask() {
      const most = this.#about.limits.seeds;
      const seeds = el("input", { type: "number", min: 4, max: most, value: 8, required: true, "aria-label": say("seeds") });
      const ask = (count) => this.#measure(count);
      return el("div", { class: "ask" },
        el("button", { type: "button", class: "measure", onclick: () => ask(1) }, say("measure")),
        el("span", {}, el("button", {
          type: "button", class: "typical", onclick: () => seeds.reportValidity() && ask(seeds.value),
        }, say("typical")), el("label", {}, seeds, " ", say("seeds"))));
    }

    #claim(claim) {
      const parts = { chip: el("span", { class: "chip" }, say("not_run")), value: el("p"), strip: el("div") };
      parts.node = el("article", { class: "claim", "data-claim": claim.name }, el("p", {}, parts.chip, " ", claim.prediction), parts.value, parts.strip);
      return Object.assign(parts, { claim });
    }

    #cases(cases) {
      const here = this.#link;
      return el("div", { class: "links" }, ...Object.entries(cases).map(([name, link]) => el("button", {
        type: "button", onclick: () => open(link), "aria-current": `${plain(link)}` === here ? "true" : null,
      }, name)));
    }

    // ---- claims over seeds

    #measure(seeds) {
      this.results.replaceChildren();
      for (const parts of this.claims.values()) {
        parts.chip.className = "chip";
        parts.chip.textContent = "…";
        parts.value.replaceChildren();
        parts.strip.replaceChildren();
      }
      const held = new Map([...this.claims.keys()].map((name) => [name, []]));
      this.job.start(`/api/evidence?${this.#link}&seeds=${seeds}`, (event) => {
        if (event.event === "trial") this.#trial(event, held);
        if (event.event === "evidence") this.#found(event);
      }, () => this.#unmeasured());
    }

    /** What was asked for did not come to its end. */
    #unmeasured() {
      for (const { chip } of this.claims.values()) if (chip.textContent === "…") chip.textContent = say("not_run");
    }

    #trial({ results }, held) {
      for (const [name, parts] of this.claims) {
        const own = held.get(name);
        own.push(results[name].holds === true);
        parts.chip.textContent = say("so_far", { count: own.filter(Boolean).length, total: own.length });
      }
    }

    #found({ told, drawn, seeds }) {
      for (const claim of told.claims) {
        const parts = this.claims.get(claim.name);
        const one = claim.by_seed.length === 1;
        const kind = one ? verdict(claim.by_seed[0].holds) : claim.verdict;
        parts.chip.replaceWith((parts.chip = chip(kind)));
        const unit = claim.unit && claim.unit !== "1" ? ` ${claim.unit}` : "";
        const { holds } = claim;
        parts.value.replaceChildren(
          el("b", { class: "value" }, range(claim.value)), `${unit} `, el("span", { class: "mute" }, claim.value_is), el("br"),
          ...(claim.null_is ? [el("span", { class: "null" }, range(claim.null)), " ", el("span", { class: "mute" }, `${say("against")}: ${claim.null_is}`), el("br")] : []),
          el("span", { class: "mute seeds" }, one ? say("in_seed", { seed: claim.by_seed[0].seed }) : say("in_seeds", {
            count: Math.round(holds.value * holds.total), total: holds.total, low: holds.low.toFixed(2), high: holds.high.toFixed(2),
          })));
        parts.strip.replaceChildren(...(one ? [] : [drawing(drawn.strips[claim.name])]));
      }
      this.#more(told, drawn, seeds);
    }

    #more(told, drawn, seeds) {
      const many = Object.keys(seeds).length > 1;
      const parts = Object.entries(told.errors).map(([seed, error]) => el("p", { class: "note" }, say("error", { seed, error })));
      if (many) parts.push(el("p", { class: "mute" }, say("strip")));
      if (drawn.plots.length) {
        const fits = told.exponents.map((fit) => el("p", { class: "fit" }, say("exponent", { ...fit, ...rounded(fit) })));
        parts.push(this.#folded("plots", el("div", {}, ...drawn.plots.map(drawing), ...(many ? fits : [])), true));
      }
      if (many && drawn.gallery.length) parts.push(this.#folded("gallery", this.#gallery(drawn.gallery, seeds), true));
      parts.push(this.#folded("table", table(told)));
      this.results.replaceChildren(...parts);
    }

    #gallery(shown, seeds) {
      return el("div", {}, el("div", { class: "gallery" }, ...shown.map(({ seed, svg }) => {
        const button = el("button", { type: "button", "data-seed": seed, "aria-label": say("open_seed", { seed }), onclick: () => open(seeds[seed]) }, drawing(svg));
        button.append(el("span", { "aria-hidden": "true" }, say("in_seed", { seed })));
        return button;
      })), el("p", { class: "mute" }, say(`gallery_${shown[0].kind}`)));
    }

    // ---- a sweep

    #sweep() {
      const { fields, limits } = this.#about;
      const groups = [...new Set(fields.map(({ group }) => group))].map((group) => el("optgroup", { label: group },
        ...fields.filter((field) => field.group === group).map(({ name, label }) => el("option", { value: name, selected: name === "codimension" }, label))));
      const field = el("select", { class: "field" }, ...groups);
      const values = el("input", { class: "values", value: "1, 3, 10, 30", required: true });
      const seeds = el("input", { type: "number", min: 1, max: limits.seeds, value: 4 });
      field.addEventListener("change", () => {
        const { choices } = fields.find(({ name }) => name === field.value);
        values.value = choices.length ? choices.slice(0, 6).join(", ") : new URLSearchParams(this.#link).get(field.value) ?? "";
      });
      const found = el("div", { class: "swept" });
      const run = () => {
        found.replaceChildren();
        const asked = new URLSearchParams({ vary: field.value, values: values.value, seeds: seeds.value });
        this.swept.start(`/api/sweep?${this.#link}&${asked}`, (event) => event.event === "sweep" && found.replaceChildren(...sweepFound(event, field.value)));
      };
      const label = (name, input) => el("label", {}, el("span", {}, say(name)), input);
      const form = el("form", {}, label("field", field), label("values", values), label("seeds", seeds), el("button", { type: "submit" }, say("start")));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        run();
      });
      return el("div", { class: "sweep" }, form, this.swept.node, found);
    }
  }

  const rounded = ({ value, low, high }) => ({ value: figure(value), low: figure(low), high: figure(high) });

  /** Cases across, measures down. */
  function table({ table: rows, rows: runs, columns }) {
    // the name in files stands on the word, for those who go on with them
    const head = el("tr", {}, el("td"), ...Object.keys(rows).map((row) => el("th", { scope: "col", title: row }, runs[row])));
    const body = Object.entries(columns).map(([column, { name, unit }]) => el("tr", {},
      el("th", { scope: "row", title: column }, name, unit && unit !== "1" ? el("small", {}, ` ${unit}`) : ""),
      ...Object.values(rows).map((row) => el("td", {}, figure(row[column])))));
    return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": say("table") }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
  }

  function sweepFound({ csv, plots, slopes, names }, field) {
    const place = el("div");
    const pick = el("select", { "aria-label": say("shown"), onchange: () => place.replaceChildren(drawing(plots[pick.value])) },
      ...Object.keys(plots).map((name) => el("option", { value: name }, names[name])));
    place.replaceChildren(drawing(plots[pick.value]));
    const fits = slopes.map(({ name, against, ...fit }) => el("p", { class: "fit" }, say("slope", { column: names[name.replace("slope of ", "")], law: against, ...rounded(fit) })));
    const save = () => window.dimpleParts.download(new Blob([csv], { type: "text/csv" }), `sweep-${field}.csv`);
    return [el("label", {}, el("span", {}, say("shown")), pick), place, el("p", { class: "mute" }, say("null")), ...fits,
      el("button", { type: "button", onclick: save }, say("download"))];
  }

  let panel = null;
  document.addEventListener("dimple:ready", () => {
    if (!byId("evidence")) return;
    panel ??= new Panel(byId("evidence"));
    panel.opened(window.dimple.state().link);
  });
})();
