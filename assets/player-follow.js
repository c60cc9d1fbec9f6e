/* What the server tells of the step that is looked at beyond its picture: one question at a time, the latest last. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const REST = 250; // milliseconds between two questions: a slider that is dragged, or playing, asks many

  /** Answers of /api/`path`: told(answer) for each that is still wanted, failed(message) when there is none; `words` say
   *  what is waited for. */
  parts.Follower = class Follower {
    #wish = null;
    #busy = false;
    #control = new AbortController();

    constructor(path, words, told, failed) {
      Object.assign(this, { path, words, told, failed });
    }

    /** Asks with these options added to the link of a run. */
    ask(link, options) {
      this.#wish = { link, options };
      if (!this.#busy) this.#next();
    }

    /** What is under way is wanted no more. */
    forget() {
      this.#wish = null;
      this.#control.abort();
      this.#control = new AbortController();
    }

    async #next() {
      this.#busy = true;
      while (this.#wish) {
        const { link, options } = this.#wish;
        this.#wish = null;
        const { signal } = this.#control;
        try {
          const answer = await this.words.during(parts.say("notice.measuring_step", options), parts.server.told(this.path, link, options, signal));
          if (!signal.aborted) this.told(answer);
        } catch (error) {
          if (!signal.aborted) this.failed(error.event?.message ?? parts.say("player_gone"));
        }
        await new Promise((done) => setTimeout(done, REST));
      }
      this.#busy = false;
    }
  };

  /** A figure of the server in the page's colours and fonts, without controls of its own. */
  parts.plain = (plot, figure, more = {}) => {
    const recolour = parts.recolouring(true);
    const font = { ...parts.font(0.79), color: parts.css("mute") };
    const layout = recolour(figure.layout);
    const quiet = (axis) => ({ ...axis, gridcolor: parts.css("line"), tickfont: font, zeroline: false });
    const size = { width: plot.clientWidth, height: plot.clientHeight, autosize: false };
    return Plotly.react(plot, figure.data.map(recolour), {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: false, ...layout, ...size, font,
      xaxis: quiet(layout.xaxis), yaxis: quiet(layout.yaxis), ...more,
    }, { staticPlot: true, displayModeBar: false });
  };
})();
