/* What was measured, for those who listen rather than look: a sentence on the step, and a table of all measured steps. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, number } = parts;

  const SPOKEN = ["sheet_offset", "dimple_amplitude", "distance_free_median"];

  /** The picture at the player's step in words: step, phase, accuracy, boundary, wrong points, the main lengths. */
  parts.summary = (player) => {
    const { step, last, picture, numbers, timeline } = player;
    const values = { step, last, accuracy: player.accuracy()?.toFixed(2) ?? "–", phase: timeline.phaseAt(step) };
    const { seen, caption } = picture.frame?.meta ?? {};
    return [
      say(values.phase ? "player_summary_phase" : "player_summary", values), seen ? say("summary.seen") : "", caption,
      ...SPOKEN.map((name) => numbers.told(name)).filter(Boolean).map((told) => say("summary.value", told)),
    ].filter(Boolean).join(" ");
  };

  /** The table inside the <details> `root`, made while it is open; without a root it does nothing. */
  parts.Table = class Table {
    #given = [];

    constructor(root) {
      this.root = root;
      this.place = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("data.caption") });
      root?.replaceChildren(el("summary", {}, say("data.title")), this.place);
      root?.addEventListener("toggle", () => this.#build());
    }

    /** table {steps, name: [value or null, ...]}, names {name: {label}}, series {loss, accuracy} of every step; null for none. */
    measured(table, names = {}, series = {}) {
      this.#given = table?.steps?.length ? [table, names, series] : [];
      this.#build();
    }

    #build() {
      if (!this.root?.open) return;
      const [table, names, series] = this.#given;
      if (!table) return this.place.replaceChildren(say("data.none"));
      const columns = [
        ...["loss", "accuracy"].map((name) => [say(`number.${name}`), (step) => series[name]?.[step]]),
        ...Object.entries(names).map(([name, { label }]) => [label, (_, at) => table[name]?.[at]]),
      ];
      const head = el("tr", {}, el("th", { scope: "col" }, say("data.step")), ...columns.map(([label]) => el("th", { scope: "col" }, label)));
      const rows = table.steps.map((step, at) =>
        el("tr", {}, el("th", { scope: "row" }, String(step)), ...columns.map(([, value]) => el("td", {}, number(value(step, at))))));
      const caption = el("caption", {}, say("data.caption"));
      this.place.replaceChildren(el("table", {}, caption, el("thead", {}, head), el("tbody", {}, ...rows)));
    }
  };
})();
