/* The table of the step: what its frame says, and what was measured of the run at or before it. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  /** The last known value of a column at or before `step`, and the step it is from. */
  function latest(table, name, step) {
    const { steps } = table;
    let at = parts.nearest(steps, step);
    if (steps[at] > step) at -= 1;
    const column = table[name];
    while (at >= 0 && (column[at] === null || column[at] === undefined)) at -= 1;
    return { value: column[at], from: at < 0 ? undefined : steps[at] };
  }

  /** The table inside `root`: one row a number, its chance level beside it. */
  parts.Numbers = class Numbers {
    #rows = new Map();
    #shape = "";
    #step = null;
    #own = [];
    #table = null;
    #names = {};
    #other = null; // {table, names, own, step} of a second run

    constructor(root) {
      this.root = root;
    }

    /** table {steps: [...], name: [value or null, ...]}, names {name: {label, unit, chance, help}} in order; null for none. chance: a number, or the column that tells it. */
    measured(table, names = {}) {
      this.#table = table?.steps?.length ? table : null;
      this.#names = names;
    }

    /** Numbers of a second run at its own step, in a column of their own; null for none. */
    beside(other) {
      if (Boolean(other) !== Boolean(this.#other)) this.#shape = "";
      this.#other = other;
      if (this.#step !== null) this.at(this.#step);
    }

    /** Shows `step`; `own` are the numbers of its frame ([{name, label, value, chance, unit}]), if they have changed. */
    at(step, own = this.#own) {
      this.#own = own;
      this.#step = step;
      const numbers = [...own, ...this.#measuredAt(step)];
      const shape = numbers.map(({ name, label }) => name + label).join();
      if (shape !== this.#shape) this.#build(numbers);
      this.#shape = shape;
      for (const { name, value, chance, from, chanceFrom } of numbers) {
        const row = this.#rows.get(name);
        write(row.value, this.#passed(from) ? "…" : parts.number(value));
        write(row.chance, this.#other ? both(chance, this.#otherChance(name)) : level(chance));
        this.#age(row.value, from);
        this.#age(row.chance, chanceFrom);
        if (row.other) write(row.other, parts.number(this.#otherValue(name)));
      }
    }

    // While it is measured a run may have nothing near this step: what it had long before says nothing of it.
    #passed(from) {
      return from !== undefined && this.#step - from > Math.max(2, 0.5 * this.#step);
    }

    // Measuring is sparse: a number from well before this step is paler and tells where it is from.
    #age(cell, from) {
      const old = from !== undefined && this.#step - from > Math.max(2, 0.1 * this.#step);
      cell.classList.toggle("old", old);
      cell.title = old ? say("player_measured_at", { step: from }) : "";
    }

    #measuredAt(step) {
      if (!this.#table) return [];
      return Object.entries(this.#names).filter(([name]) => this.#table[name])
        .map(([name, about]) => ({ name, ...about, ...latest(this.#table, name, step), ...chanceOf(about, this.#table, step) }));
    }

    /** {label, value} of a measure at the step shown, or null where it is not known. */
    told(name) {
      const value = this.#table?.[name] && this.#names[name] ? latest(this.#table, name, this.#step).value : undefined;
      return value === undefined || value === null ? null : { label: this.#names[name].label, value: parts.number(value) };
    }

    #otherValue(name) {
      const { table, own, step } = this.#other;
      return own.find((number) => number.name === name)?.value ?? (table?.[name] ? latest(table, name, step).value : null);
    }

    #otherChance(name) {
      const { table, names, own, step } = this.#other;
      const about = own.find((number) => number.name === name) ?? names[name];
      return about && table ? chanceOf(about, table, step).chance : null;
    }

    #build(numbers) {
      this.#rows.clear();
      const head = el("tr", {}, el("th", { scope: "col" }, say("player_numbers")),
        ...(this.#other ? ["A", "B"] : [say("player_value")]).map((word) => el("th", { scope: "col" }, word)), el("th", { scope: "col", title: say("player_chance_help") }, say("player_chance")));
      const body = numbers.map(({ name, label, unit, help }) => {
        const row = { value: el("td", { class: "value" }), chance: el("td", { class: "chance" }) };
        if (this.#other) row.other = el("td", { class: "other" });
        this.#rows.set(name, row);
        // lengths, in the units of the axes, are the rule: only other units are worth the room
        const units = unit && unit !== "1" && unit !== "length" ? el("small", {}, say(`unit.${unit}`)) : "";
        const title = [help, unit && unit !== "1" ? `[${say(`unit.${unit}`)}]` : ""].filter(Boolean).join(" ");
        return el("tr", { "data-number": name, title: title || null }, el("th", { scope: "row" }, label, " ", units), row.value, ...(row.other ? [row.other] : []), row.chance);
      });
      this.root.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
    }
  };

  /** What stands for chance at `step`: a number, or what a column of the table tells. */
  function chanceOf({ chance }, table, step) {
    if (typeof chance !== "string") return { chance };
    const { value = null, from } = table[chance] ? latest(table, chance, step) : {};
    return { chance: value, chanceFrom: from };
  }

  const level = (chance) => (chance === null || chance === undefined ? "" : parts.number(chance));

  /** Two runs' chance, where it differs. */
  function both(chance, other) {
    const [a, b] = [level(chance), level(other)];
    return a === b ? a : `${a || "–"}\u00a0/ ${b || "–"}`;
  }

  parts.latest = latest;
})();
