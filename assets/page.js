/* What the controls do without the server: address bar, sliders, looks, folding, copying the link. */
(() => {
  const skip = () => window.dash_clientside.no_update;
  const range = (name) => window.DIMPLE_RANGES[name];

  /** Place 0 .. 1000 on a slider of a value; a logarithmic range that starts at 0 runs as log(1 + v). */
  function place(value, { low, high, log }) {
    const bent = log ? (low > 0 ? Math.log : Math.log1p) : (v) => v;
    return Math.round((1000 * (bent(value) - bent(low))) / (bent(high) - bent(low)));
  }

  /** The value of a place, rounded to two digits so that it reads well. */
  function value(place, { low, high, log, whole }) {
    const share = place / 1000;
    let v = low + share * (high - low);
    if (log && low > 0) v = low * (high / low) ** share;
    else if (log) v = Math.expm1(share * Math.log1p(high));
    if (share === 0 || share === 1) v = share ? high : low;
    v = Number(v.toPrecision(v > 1000 ? 3 : 2));
    if (whole) v = Math.round(v);
    return Math.min(high, Math.max(low, v));
  }

  /** Calls `then` once the player is there: it waits for plotly and for the page. */
  function withPlayer(then) {
    if (window.dimple) return then(window.dimple);
    setTimeout(() => withPlayer(then), 30);
  }

  /** The address of what is seen now. */
  function shared() {
    return new URL(`?${window.dimple?.share() || location.search.slice(1)}`, location.href);
  }

  /** A lesson is the page's alone: the player's link may hold an earlier step of it. */
  function keepLesson(params) {
    const lesson = new URLSearchParams(location.search).get("lesson");
    if (lesson) params.set("lesson", lesson);
    else params.delete("lesson");
  }

  const exhibitOf = (link) => new URLSearchParams(link).get("exhibit");

  let heard = "";
  let opened = "";
  let looks = []; // names of the ways to draw
  let hiding = 0;

  // A menu closes once something is chosen, or when one looks elsewhere.
  for (const name of ["click", "focusin", "keydown"]) {
    document.addEventListener(name, ({ target, key }) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        const inside = menu.contains(target);
        if (name === "keydown" ? key !== "Escape" : inside && !(name === "click" && target.closest("button"))) continue;
        menu.open = false;
        if (inside) menu.firstElementChild.focus();
      }
    });
  }

  document.addEventListener("dimple:compare", ({ detail: { link } }) => {
    document.getElementById("compare")?.setAttribute("aria-pressed", Boolean(link));
    const now = new URLSearchParams(location.search);
    if (link) now.set("with", link);
    else now.delete("with");
    history.replaceState(null, "", `?${now}`);
  });

  /** Does the player show the run that the controls say? Not while a new one is on its way, or has been refused. */
  function settled() {
    const of = new URLSearchParams(window.dimple.state().link);
    return [...new URLSearchParams(opened)].every(([name, value]) => of.get(name) === value);
  }

  // What is looked at stands in the address, for whoever copies it or loads the page again.
  let resting = 0;
  for (const name of ["dimple:step", "dimple:ready", "pointerup", "keyup", "wheel"]) {
    document.addEventListener(name, () => {
      clearTimeout(resting);
      resting = setTimeout(() => {
        const { ready, playing } = window.dimple?.state() ?? {};
        if (ready && !playing && opened && settled()) history.replaceState(null, "", shared());
      }, 400);
    }, { passive: true });
  }

  // A mouse that has pressed a button or chosen a look leaves the keys to the time line.
  const PRESSED = "#looks .mantine-SegmentedControl-root, header button, #controls .buttons button";
  document.addEventListener("click", ({ detail, target }) => {
    if (detail && target.closest?.(PRESSED)) setTimeout(() => document.activeElement?.closest(PRESSED) && document.activeElement.blur());
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    dimplePage: {
      /** A new link: into the address bar, and to the player. Step and camera of a new address hold too, where they can. */
      open(link, search, message) {
        if (!link || link === opened) return skip();
        const other = exhibitOf(link) !== exhibitOf(opened);
        if (other) window.dash_clientside.set_props("undo", { style: { display: "none" } });
        // another exhibit chosen on the page: the browser's "Back" leads to what was there
        const keep = other && opened && search === heard ? "pushState" : "replaceState";
        opened = link;  // filling the controls from a link says the same link again
        const asked = new URLSearchParams(search === heard ? "" : search || "");
        const without = message?.without ?? [];
        for (const name of without) asked.delete(name);
        const full = new URLSearchParams(link);
        for (const name of ["step", "camera", "with", ...looks]) if (asked.has(name)) full.set(name, asked.get(name));
        for (const look of looks) if (asked.has(look)) window.dash_clientside.set_props({ look }, { value: asked.get(look) });
        const beside = window.dimple?.state().beside;
        if (beside) full.set("with", beside);
        full.set("lang", document.documentElement.lang);
        if (search === heard || !without.includes("lesson")) keepLesson(full);
        heard = search;
        history[keep](null, "", `?${full}`);
        withPlayer((player) => player.open(`${full}`));
        return link;
      },

      /** A slider and its number: the one that was moved decides. */
      tie(at, current, { slider }) {
        const of = range(slider);
        const number = String(current).trim() ? Number(current) : NaN;
        const shown = Number.isFinite(number) ? place(Math.min(of.high, Math.max(of.low, number)), of) : at;
        if (shown === at) return [skip(), skip()];
        const moved = window.dash_clientside.callback_context.triggered_id?.slider;
        return moved ? [String(value(at, of)), skip()] : [skip(), shown];
      },

      /** How the picture is drawn. */
      show(values, ids) {
        looks = ids.map((id) => id.look);
        const look = Object.fromEntries(ids.map((id, i) => [id.look, values[i]]));
        withPlayer((player) => player.show(look));
        return skip();
      },

      /** Why a link could not be opened: shown for a while, or until clicked away. */
      message(told) {
        const hide = () => window.dash_clientside.set_props("link-notice", { children: "" });
        clearTimeout(hiding);
        if (told?.said) hiding = setTimeout(hide, 15000);
        document.getElementById("link-notice").onclick = hide;
        return told?.said ?? "";
      },

      /** The board of own points; what is placed goes into the controls, which train it. */
      board(_, link) {
        const set = (control, value) => window.dash_clientside.set_props({ control }, { value });
        window.dimple.board(link, (points) => {
          set("points", points);
          set("sampling", "own");
        });
        return skip();
      },

      /** The run that is seen stays beside the one that branches from the step that is seen. */
      branch(_, link) {
        const { step, ready } = window.dimple?.state() ?? {};
        if (!ready) return skip();
        window.dimple.compare(link);
        return { link, step };
      },

      /** This run stays on the right while the left one changes; pressed again, it goes. */
      compare(_, link) {
        const beside = window.dimple?.state().beside;
        window.dimple?.compare(beside ? null : link);
        return skip();
      },

      /** What a reset throws away, for "Undo": offered until used, or until another exhibit is chosen. */
      remember(_reset, _undo, link) {
        const asked = window.dash_clientside.callback_context.triggered_id === "reset";
        return [asked ? link : skip(), { display: asked ? "" : "none" }];
      },

      /** The run of these settings again, from its first step: the same seed gives the same first weights. */
      again() {
        const { searchParams: link } = shared();
        for (const name of ["step", "camera", ...looks]) link.delete(name);
        withPlayer((player) => player.open(`${link}`, { autoplay: true }));
        return skip();
      },

      present() {
        window.dimpleParts.present(true);
        return skip();
      },

      fold() {
        const folded = document.getElementById("page").classList.toggle("folded");
        document.getElementById("fold").setAttribute("aria-expanded", !folded);
        window.dispatchEvent(new Event("resize"));
        return skip();
      },

      /** The link into the clipboard; where the browser allows none (plain HTTP on a network), into a box to copy from. */
      async share() {
        const { href } = shared();
        const { set_props } = window.dash_clientside;
        const { "header.share": copy, "header.shared": copied } = window.DIMPLE_TEXT;
        history.replaceState(null, "", href);
        try {
          await navigator.clipboard.writeText(href);
        } catch {
          set_props("link-text", { value: href });
          set_props("link-box", { opened: true });
          return copy;
        }
        setTimeout(() => set_props("share", { children: copy }), 2500);
        return copied;
      },

      /** The same page in its other language. */
      speak() {
        const link = shared();
        link.searchParams.set("lang", document.getElementById("speak").closest("[lang]").lang);
        location.assign(link);
        return true;
      },
    },
  });
})();
