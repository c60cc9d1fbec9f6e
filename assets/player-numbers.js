/* The table of the step: what its frame says, and what was measured of the run at or before it. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  /** The table inside `root`: one row a number, its chance level beside it. */
  parts.Numbers = class Numbers {
    #rows = new Map();
    #shape = "";
    #own = [];
    #table = null;
    #names = {};

    constructor(root) {
      this.root = root;
    }

    /** table {steps: [...], name: [value or null, ...]}, names {name: {label, unit, chance, help}} in order; null for none. */
    measured(table, names = {}) {
      this.#table = table?.steps?.length ? table : null;
      this.#names = names;
    }

    /** Shows `step`; `own` are the numbers of its frame ([{name, label, value, chance, unit}]), if they have changed. */
    at(step, own = this.#own) {
      this.#own = own;
      const numbers = [...own, ...this.#measuredAt(step)];
      const shape = numbers.map(({ name, label }) => name + label).join();
      if (shape !== this.#shape) this.#build(numbers);
      this.#shape = shape;
      for (const { name, value, chance, from } of numbers) {
        const row = this.#rows.get(name);
        write(row.value, parts.number(value));
        write(row.chance, chance === null || chance === undefined ? "" : parts.number(chance));
        // measuring is sparse: a value from well before this step is paler and tells where it is from
        const old = from !== undefined && step - from > Math.max(2, 0.1 * step);
        row.value.classList.toggle("old", old);
        row.value.title = old ? say("player_measured_at", { step: from }) : "";
      }
    }

    #measuredAt(step) {
      if (!this.#table) return [];
      const { steps } = this.#table;
      let upTo = parts.nearest(steps, step);
      if (steps[upTo] > step) upTo -= 1;
      return Object.entries(this.#names).filter(([name]) => this.#table[name]).map(([name, about]) => {
        const column = this.#table[name];
        let at = upTo;
        while (at >= 0 && (column[at] === null || column[at] === undefined)) at -= 1;
        return { name, ...about, value: column[at], from: at < 0 ? undefined : steps[at] };
      });
    }

    #build(numbers) {
      this.#rows.clear();
      const head = el("tr", {}, el("th", { scope: "col" }, say("player_numbers")),
        el("th", { scope: "col" }, say("player_value")), el("th", { scope: "col", title: say("player_chance_help") }, say("player_chance")));
      const body = numbers.map(({ name, label, unit, help }) => {
        const row = { value: el("td", { class: "value" }), chance: el("td", { class: "chance" }) };
        this.#rows.set(name, row);
        // lengths, in the units of the axes, are the rule: only other units are worth the room
        const units = unit && unit !== "1" && unit !== "length" ? el("small", {}, say(`unit.${unit}`)) : "";
        const title = [help, unit && unit !== "1" ? `[${say(`unit.${unit}`)}]` : ""].filter(Boolean).join(" ");
        return el("tr", { "data-number": name, title: title || null }, el("th", { scope: "row" }, label, " ", units), row.value, row.chance);
      });
      this.root.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
    }
  };
})();
