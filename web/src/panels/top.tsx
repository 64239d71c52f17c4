/** The strip at the top: whose desk, live or exercise, which picture, how old the data are. */
import type { Clock } from "../api/contract";
import type { Desk } from "../desk";
import { SILENT_AFTER_MS } from "../desk";
import type { ThemeName } from "../look/theme";
import { TOGETHER } from "../picture/moment";
import type { Store } from "../picture/store";
import { age, clockTime, type Language, LANGUAGES, language, localTime, speak } from "../words/words";
import { useSeconds, useSilent, useStore, useWords } from "./look";
import { pictureWord } from "./pictureWord";

/** What came longer ago is old. */
const OLD_AFTER_S = 10;

export function Top({ desk, look }: { desk: Desk; look: Store<ThemeName> }) {
  const say = useWords();
  const session = useStore(desk.session);
  const status = useStore(desk.status);
  const theme = useStore(look);
  const spoken = useStore(language);
  const exercise = status?.exercise ?? session?.exercise ?? false;
  return (
    <header class="top">
      <div class={`mode ${exercise ? "exercise" : "live"}`} role="status">{say(exercise ? "exercise" : "live")}</div>
      <h1><span>SKYPACT</span> {say("desk_of", { nation: status?.nation ?? session?.nation ?? "" })}</h1>
      <PictureSwitch desk={desk} />
      <DataAge desk={desk} />
      <div class="options">
        <select aria-label={say("language")} value={spoken} onChange={(event) => speak(event.currentTarget.value as Language)}>
          {Object.entries(LANGUAGES).map(([key, { name }]) => <option key={key} value={key}>{name}</option>)}
        </select>
        <button onClick={() => look.set(theme === "dark" ? "light" : "dark")} aria-label={`${say("look")}: ${say(theme === "dark" ? "light" : "dark")}`}>
          {theme === "dark" ? "☀" : "☾"}
        </button>
        <span class="who">{session?.who}</span>
        <button onClick={() => void desk.logOut()}>{say("log_out")}</button>
      </div>
    </header>
  );
}

/** Alone, together, or what one partner sent: one switch. */
function PictureSwitch({ desk }: { desk: Desk }) {
  const say = useWords();
  const { picture } = useStore(desk.view);
  const pictures = useStore(desk.pictures);
  const main = ["national", TOGETHER];
  const others = pictures.map((one) => one.name).filter((name) => !main.includes(name));
  const choose = (name: string): void => desk.look({ picture: name });
  return (
    <div class="pictures" role="group" aria-label={say("picture")}>
      {main.map((name) => (
        <button key={name} aria-pressed={picture === name} onClick={() => choose(name)}>{pictureWord(name)}</button>
      ))}
      {others.length > 0 && (
        <select
          aria-label={say("picture")}
          class={others.includes(picture) ? "pressed" : ""}
          value={others.includes(picture) ? picture : ""}
          onChange={(event) => event.currentTarget.value && choose(event.currentTarget.value)}
        >
          <option value="">{say("other_pictures")}</option>
          {others.map((name) => <option key={name} value={name}>{pictureWord(name)}</option>)}
        </select>
      )}
    </div>
  );
}

function DataAge({ desk }: { desk: Desk }) {
  const say = useWords();
  const clock = useStore(desk.clock);
  const silent = useSilent(desk);
  useSeconds();
  const partners = useStore(desk.partners);
  const late_s = useStore(desk.status)?.late_s ?? {};
  const own = desk.session.get()?.nation;
  if (!clock) return <div class="data-age" role="status">{say("node_awaited")}</div>;
  const nations = new Set([...Object.keys(clock.came_ms), ...partners.map(({ nation }) => nation)].filter((nation) => nation !== own).sort());
  return (
    <div class="data-age">
      <strong class="now">{clockTime(clock.time_ms)}<small>{localTime(clock.time_ms)}</small></strong>
      <div class="all-came">
        {[...(own === undefined ? [] : [own]), ...nations].map((nation) => (
          <Came key={nation} clock={clock} nation={nation} own={nation === own} unknown={silent} late_s={late_s[nation]} cut={partners.some((one) => one.nation === nation && !one.link.up)} />
        ))}
      </div>
    </div>
  );
}

/**
 * How long ago plots, or what a partner makes of its own, came of a nation. Where nothing is in sight
 * none come: a fault is only a link that is down, or plots that come late.
 */
function Came({ clock, nation, own, unknown, late_s, cut }: { clock: Clock; nation: string; own: boolean; unknown: boolean; late_s: number | undefined; cut: boolean }) {
  const say = useWords();
  const came_ms = clock.came_ms[nation];
  const seconds = came_ms === undefined ? Infinity : (clock.time_ms - came_ms) / 1_000;
  const shown = came_ms === undefined ? "" : age(seconds);
  if (unknown) return <span class="came" title={say("silent")}>? {nation}</span>;
  if (cut) return <span class="came old" title={say("link_cut", { nation })}>▲ {nation} {say("link_down")} {shown}</span>;
  if (late_s !== undefined) return <span class="came old" title={say("comes_late_said", { nation, age: age(late_s) })}>▲ {nation} {say("comes_late", { age: age(late_s) })}</span>;
  if (seconds <= OLD_AFTER_S) return <span class="came" title={say("data_age", { age: shown })}>● {nation} {shown}</span>;
  return <span class="came" title={say(own ? "own_quiet" : "partner_quiet", { nation })}>○ {nation} {say("nothing_in_sight")} {shown}</span>;
}

/** What must not be overlooked: nothing comes any more, the node is silent, or this is the past. */
export function Notices({ desk }: { desk: Desk }) {
  const say = useWords();
  useStore(desk.heard_ms);
  const clock = useStore(desk.clock);
  const status = useStore(desk.status);
  const view = useStore(desk.view);
  const shown = useStore(desk.shown);
  const { waiting } = useStore(desk.past.playing);
  useSeconds();
  const late = Object.entries(status?.late_s ?? {}).map(([nation, late_s]) => `${nation} ${age(Math.round(late_s))}`);
  const silent_ms = desk.silent_ms();
  const silent = silent_ms > SILENT_AFTER_MS;
  return (
    <div class="notices">
      {silent && (
        <div class="notice alarm" role="alert">
          <strong>{say("silent")}</strong> {say("silent_since", { age: age(Math.round(silent_ms / 1_000)) })}
        </div>
      )}
      {!silent && clock && !clock.connected && (
        <div class="notice alarm" role="alert">
          <strong>{say("node_silent")}</strong> {say("node_silent_since", { time: clockTime(clock.heard_ms) })}
        </div>
      )}
      {!silent && late.length > 0 && (
        <div class="notice fault" role="alert"><strong>{say("plots_late")}</strong> {say("plots_late_said", { who: late.join(", ") })}</div>
      )}
      {!silent && status && status.behind_s > 0 && (
        <div class="notice fault" role="alert"><strong>{say("node_behind")}</strong> {say("node_behind_said", { age: age(Math.round(status.behind_s)) })}</div>
      )}
      {status && !status.ready && status.connected && <div class="notice">{say("not_ready")}</div>}
      {status?.faults.map((fault) => <div class="notice fault" role="alert" lang="en" key={fault}>{fault}</div>)}
      {status?.notices.map((notice) => <div class="notice" lang="en" key={notice}>{notice}</div>)}
      {view.at_ms !== null && (
        <div class="notice past" role="status">
          {shown?.past
            ? <><strong>{say("past")} {clockTime(shown.time_ms, true)}</strong> {say(shown.past === "then" ? "past_then" : "past_now")}</>
            : <><strong>{clockTime(view.at_ms, true)}</strong> {say(waiting ? "past_waits" : "past_not")}{shown && ` ${say("past_still", { time: clockTime(shown.time_ms) })}`}</>}
        </div>
      )}
    </div>
  );
}
