/* Lessons: a card that drives the real controls by the page's own link, asks first, and then shows what was measured. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, number } = parts;
  const lessons = window.DIMPLE_LESSONS;
  if (!lessons) return; // a page that carries its run may have none
  const carried = window.DIMPLE_RECORDED; // such a page holds the runs of one step, whose question can be asked and answered
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const byId = (id) => document.getElementById(id);
  const address = () => new URLSearchParams(carried?.link ?? location.search);
  let at = null; // [exhibit, number] of the card shown
  let told = () => {}; // gives its answer
  let offered = null; // the exhibit whose lesson the header's button opens

  // ---- what was measured

  const kept = new Map();

  /** All that is measured in the run of a link. The server makes it once for all who ask. */
  function measured(link) {
    if (!kept.has(link)) kept.set(link, follow(link).catch((error) => (kept.delete(link), Promise.reject(error))));
    return kept.get(link);
  }

  async function follow(link) {
    const run = { names: {}, table: { steps: [] }, phases: {}, series: {} };
    await parts.source.run(link, (event) => {
      if (event.event === "ready") Object.assign(run, { last: event.last_step, series: event.series });
      if (event.event === "measures") Object.assign(run, { table: event.table, names: event.names });
      if (event.event === "phases") run.phases = event.found;
      if (event.event === "error") throw new Error(event.message);
    });
    return run;
  }

  /** The step of the time line that `when` means in a run, null where there is no such phase. */
  function stepOf(when, run) {
    if (when === "last") return run.last;
    return typeof when === "number" ? Math.min(when, run.last) : (run.phases[when] ?? null);
  }

  function read({ of, at: when }, run) {
    if (of in run.phases) return run.phases[of];
    if (of.startsWith("chance.")) return run.names[of.slice(7)]?.chance ?? null;
    const step = stepOf(when, run);
    if (step === null) return null;
    if (run.series[of]) return run.series[of][step];
    return run.table[of] ? (parts.latest(run.table, of, step).value ?? null) : null;
  }

  /** {value, a, b} of a question: value = a, or a / b; null where there is none. */
  async function weigh({ value, over }, steps, here) {
    const runs = await Promise.all([value, over ?? value].map(({ run }) => measured(steps[(run ?? here) - 1].link)));
    const a = read(value, runs[0]);
    const b = over ? read(over, runs[1]) : null;
    if (!over) return { value: a, a };
    return { value: a === null || !b ? null : a / b, a, b };
  }

  const choiceOf = (value, { limits }) => (value === null ? limits.length + 1 : limits.filter((limit) => value >= limit).length);

  // ---- driving the page

  /** To step `count` of a lesson: controls, time line, looks and the card. */
  async function go(exhibit, count) {
    const step = lessons[exhibit][count - 1];
    show(exhibit, count);
    document.getElementById("lesson").dataset.set = "";
    const link = new URLSearchParams(step.link);
    link.set("lang", document.documentElement.lang);
    link.set("lesson", `${exhibit}.${count}`);
    if (step.go !== "play" || calm.matches) link.set("step", typeof step.go === "number" ? step.go : 0);
    const { link: seen, coming } = window.dimple.state(); // another run may be on its way
    if ([seen, coming].every((one) => parts.bare(one) === step.link)) history.replaceState(null, "", `?${link}`);
    else window.dash_clientside.set_props("address", { search: `?${link}` });
    for (const [name, value] of Object.entries(step.look)) window.dash_clientside.set_props({ look: name }, { value });
    mark(step.moved);
    const here = () => at?.[0] === exhibit && at[1] === count;
    if (!(await ready(step.link, here))) return;
    if (step.go !== "play") window.dimple.pause();
    await window.dimple.compare(step.beside ? lessons[exhibit][step.beside - 1].link : null);
    if (step.camera) await window.dimple.look(step.camera);
    const camera = new URLSearchParams(window.dimple.share()).get("camera");
    if (camera) link.set("camera", camera);
    history.replaceState(null, "", `?${link}`);
    if (step.go === "play" && !calm.matches) {
      await window.dimple.seek(0);
      return window.dimple.play();
    }
    const last = window.dimple.state().lastStep;
    const to = ["play", "last"].includes(step.go) ? last : typeof step.go === "number" ? step.go : stepOf(step.go, await measured(step.link));
    if (!here()) return;
    window.dimple.pause();
    window.dimple.seek(to ?? last);
    link.set("step", to ?? last);
    if (step.beside) link.set("with", lessons[exhibit][step.beside - 1].link);
    for (const [name, value] of Object.entries(step.look)) link.set(name, value);
    history.replaceState(null, "", `?${link}`);
    document.getElementById("lesson").dataset.set = count; // all that the step asks of the page is done
  }

  /** True once the run of a link is shown, false as soon as nobody is `waiting` for it any more. */
  async function ready(link, waiting) {
    for (;;) {
      if (!waiting()) return false;
      const { ready: shown, link: now } = window.dimple.state();
      if (shown && parts.bare(now) === link) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Shows which controls a step has moved. */
  function mark(names) {
    document.querySelectorAll(".control.moved").forEach((node) => node.classList.remove("moved"));
    const controls = names.map((name) => byId(JSON.stringify({ control: name }))?.closest(".control")).filter(Boolean);
    controls.forEach((node) => node.classList.add("moved"));
    controls[0]?.scrollIntoView({ block: "nearest" });
  }

  function close() {
    at = null;
    byId("lesson").hidden = true;
    document.body.classList.remove("is-asking");
    mark([]);
    const now = address();
    now.delete("lesson");
    history.replaceState(null, "", `?${now}`);
    button();
  }

  const shown = () => new URLSearchParams(window.dimple.state().link).get("exhibit");

  /** The header's button stands for the exhibit that is shown: the address may be ahead of it. */
  function button() {
    if (carried) return;
    const open = byId("lesson-open");
    offered = shown();
    open.hidden = !lessons[offered];
    open.setAttribute("aria-expanded", Boolean(at));
    open.setAttribute("aria-controls", "lesson");
  }

  // ---- the card

  /** The card of a step; the question open. */
  function show(exhibit, count) {
    at = [exhibit, count];
    const steps = lessons[exhibit];
    const key = `lesson.${exhibit}.${count}`;
    const { ask } = steps[count - 1];
    const answer = el("div", { class: "answer", role: "status" });
    const choices = labels(ask).map((label, index) => el("button", {
      type: "button", class: "choice", onclick: () => reveal(ask, steps, count, index, choices, answer, key),
    }, label));
    const turn = (by, word) => el("button", {
      type: "button", class: by > 0 ? "next" : "back", disabled: !steps[count - 1 + by], onclick: () => go(exhibit, count + by),
    }, say(word));
    const title = el("h2", { tabindex: -1, id: "lesson-title" }, say("lesson.title", { name: say(`exhibit.${exhibit}`) }), " ",
      el("small", {}, say("lesson.place", { step: count, last: steps.length })));
    const shut = el("button", { type: "button", class: "close", "aria-label": say("lesson.close"), title: say("lesson.close"), onclick: () => { close(); byId("lesson-open").focus(); } }, "×");
    const card = byId("lesson");
    card.setAttribute("aria-labelledby", "lesson-title");
    card.hidden = false;
    card.replaceChildren(...(carried ? [] : [shut]), title, el("p", {}, say(key)),
      el("div", { role: "group", class: "ask", "aria-labelledby": "lesson-ask" }, el("p", { id: "lesson-ask" }, say(`${key}.ask`)), ...choices),
      answer, ...(carried ? [] : [el("div", { class: "turn" }, turn(-1, "lesson.back"), turn(1, "lesson.next"))]));
    told = () => reveal(ask, steps, count, null, choices, answer, key);
    document.body.classList.add("is-asking");
    card.parentElement.scrollTop = 0;
    title.focus({ preventScroll: true });
    button();
  }

  /** What the choices say, made from their limits. */
  function labels({ kind, limits, absent }) {
    const word = (place, values) => say(`lesson.${kind}.${place}`, values);
    const middle = limits.slice(1).map((high, at) => word("middle", { low: limits[at], high }));
    const none = absent ? [word("none")] : [];
    return [word("first", { high: limits[0] }), ...middle, word("last", { low: limits.at(-1) }), ...none];
  }

  /** The viewer has predicted (`chosen`; null: has not): now the measured value, and which choice it makes right. */
  async function reveal(ask, steps, count, chosen, choices, answer, key) {
    choices.forEach((button, index) => {
      button.setAttribute("aria-pressed", index === chosen);
      button.setAttribute("aria-disabled", true);
      button.onclick = null;
    });
    if (answer.dataset.asked) return;
    answer.dataset.asked = "yes";
    answer.replaceChildren(say("lesson.measuring"));
    const found = await weigh(ask, steps, count).catch(() => null);
    if (!answer.isConnected) return;
    document.body.classList.remove("is-asking");
    const right = found && choiceOf(found.value, ask);
    (answer.nextSibling ?? answer).scrollIntoView({ block: "nearest" });
    if (!found || right >= choices.length) return answer.replaceChildren(say("lesson.unmeasured"));
    choices[right].classList.add("right");
    const text = (value) => (ask.kind === "step" ? String(value) : number(value));
    const values = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value === null ? "–" : text(value)]));
    const words = found.value === null ? say("lesson.none") : say(`${key}.answer`, values);
    const judged = chosen === null ? [] : [el("strong", {}, say(right === chosen ? "lesson.right" : "lesson.wrong")), " "];
    answer.replaceChildren(...judged, words);
    answer.dataset.value = found.value;
  }

  parts.lesson = { where: () => at?.join("."), answer: () => told() };

  // ---- opening

  const start = address();

  /** The step a link asks for, [exhibit, number], or null. */
  function asked(params) {
    const [, exhibit, count] = /^([\w-]+)\.(\d+)$/.exec(params.get("lesson") ?? "") ?? [];
    return lessons[exhibit]?.[count - 1] ? [exhibit, Number(count)] : null;
  }

  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("#lesson-open")) return;
    if (at) close();
    else go(offered, 1);
  });

  // A whole link holds the state of the world; a lesson's name alone means the lesson's own.
  let first = true;
  document.addEventListener("dimple:ready", () => {
    const wanted = asked(first ? start : new URLSearchParams());
    first = false;
    if (wanted && start.has("exhibit")) {
      show(...wanted);
      if (lessons[wanted[0]][wanted[1] - 1].go !== "play") setTimeout(() => window.dimple.pause());
    }
    else if (wanted) go(...wanted);
    else if (at && shown() !== at[0]) close();
    button();
  });
})();
