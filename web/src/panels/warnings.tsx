/** What the public is told: alerts in force, then what was said and is over. */
import type { WarnedArea, Warning } from "../api/contract";
import type { Desk } from "../desk";
import { chance, inLanguage } from "../picture/warned";
import { clockTime, language, percent } from "../words/words";
import { useSeconds, useStore, useWords } from "./look";

export function Warnings({ desk }: { desk: Desk }) {
  const say = useWords();
  const { warns, fault, warnings } = useStore(desk.warnings);
  const status = useStore(desk.status);
  const mode = say(status?.exercise ? "exercise" : "live");
  useSeconds();
  return (
    <section class="warnings" aria-labelledby="warnings-title">
      <h2 id="warnings-title">{say("warnings")} <span class="mode-word">{mode}</span></h2>
      {fault && <p class="much" role="alert">{fault}</p>}
      {!warns && !fault && <p>{say("warns_not")}</p>}
      {warns && warnings.length === 0 && <p>{say("warnings_none")}</p>}
      {warnings.map((one) => <OneWarning key={one.event} desk={desk} warning={one} mode={mode} />)}
    </section>
  );
}

function OneWarning({ desk, warning, mode }: { desk: Desk; warning: Warning; mode: string }) {
  const say = useWords();
  const spoken = useStore(language);
  const text = inLanguage(spoken, Object.fromEntries(warning.texts.map((one) => [one.language, one])));
  const state = warning.in_force ? "in_force" : warning.expired ? "warning_expired" : warning.kind === "cancel" ? "cancelled" : "all_clear";
  return (
    <article class={`warning ${warning.in_force ? "in-force" : "over"}`} aria-label={say(state)} data-warning={warning.event}>
      <p class="band">{mode} · {say(state)}</p>
      <h3>{text?.headline}</h3>
      <p class="when">
        {say("said_at", { time: clockTime(warning.sent_ms), count: warning.messages })}
        {warning.in_force && `, ${say("until", { time: clockTime(warning.expires_ms) })}`}
      </p>
      {text?.description && <p>{text.description}</p>}
      <p class="when">{say("why", { reason: warning.reason })} {warning.radars > 0 && say("independent", { count: warning.radars })}</p>
      {warning.areas.length > 0 && <Areas areas={warning.areas} spoken={spoken} />}
      {!desk.status.get()?.exercise && warning.exercise && <p class="much" role="alert">{say("exercise")}</p>}
    </article>
  );
}

function Areas({ areas, spoken }: { areas: readonly WarnedArea[]; spoken: string }) {
  const say = useWords();
  const shown = (share: number | null): string => (share === null ? "—" : percent(share));
  return (
    <table>
      <thead><tr><th scope="col">{say("area_warned")}</th><th scope="col">{say("falls")}</th><th scope="col">{say("passes")}</th></tr></thead>
      <tbody>
        {areas.map((area) => (
          <tr key={area.id} class={chance(area) > 0.5 ? "likely" : ""}>
            <th scope="row">{inLanguage(spoken, area.names) ?? area.id}{area.danger === "neighbour" && ` (${say("neighbour")})`}</th>
            <td>{shown(area.falls)}</td><td>{shown(area.passes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** So that it is seen whatever else is looked at. */
export function InForce({ desk, show }: { desk: Desk; show: () => void }) {
  const say = useWords();
  const spoken = useStore(language);
  const inForce = useStore(desk.warnings).warnings.filter((one) => one.in_force);
  const exercise = useStore(desk.status)?.exercise ?? false;
  if (inForce.length === 0) return null;
  const texts = inForce[0]!.texts;
  const text = inLanguage(spoken, Object.fromEntries(texts.map((one) => [one.language, one])));
  return (
    <button class={`in-force-notice ${exercise ? "exercise" : "live"}`} onClick={show}>
      <b>{say(exercise ? "exercise" : "live")} · {say("in_force")} ({inForce.length})</b> {text?.headline}
    </button>
  );
}
