/** What waits for persons, and what the public is told: alerts in force, then what is over. */
import { useEffect, useState } from "preact/hooks";
import type { StandingAlert, WarnedArea, Warning, WarningMessage, WarningPart } from "../api/contract";
import type { Desk } from "../desk";
import { chance, inLanguage, localSpan, span, soonest, standingOf, stateOf, told, waiting } from "../picture/warned";
import type { Word } from "../words/en";
import { bothTimes, duration, language, percent } from "../words/words";
import { useSeconds, useStore, useWords } from "./look";
import { type Act, Sign } from "./sign";

type Order = (alert: StandingAlert, what: "releases" | "cancellations") => void;

export function Warnings({ desk }: { desk: Desk }) {
  const say = useWords();
  const spoken = useStore(language);
  const { warns, fault, warnings } = useStore(desk.warnings);
  const status = useStore(desk.status);
  const { at_ms } = useStore(desk.view);
  const [signing, sign] = useState<Act | null>(null);
  const exercise = status?.exercise ?? desk.session.get()?.exercise ?? false;
  const mode = say(exercise ? "exercise" : "live");
  const alerts = status?.alerts ?? [];
  const waits = waiting(alerts);
  useSeconds();
  const order: Order = (alert, what) => {
    const areas = alert.areas.map((area) => inLanguage(spoken, area.names) ?? area.id).join(", ");
    const release = what === "releases";
    sign({
      title: say(release ? "release_title" : "cancel_title", { event: alert.event, mode }),
      words: say(release ? (exercise ? "release_words_exercise" : "release_words_live") : exercise ? "cancel_words_exercise" : "cancel_words_live", { areas }),
      do: (password) => desk.client.ofWarning(alert.event, what, password ?? ""),
    });
  };
  const done = (said: string | null): void => {
    sign(null);
    if (said !== null) desk.said.set(said);
  };
  return (
    <section class="warnings" aria-labelledby="warnings-title">
      <h2 id="warnings-title">{say("warnings")} <span class="mode-word">{mode}</span></h2>
      {fault && <p class="much" role="alert">{fault}</p>}
      {!warns && !fault && <p>{say("warns_not")}</p>}
      {waits.length > 0 && at_ms !== null && <p class="much">{say("waits_now")}</p>}
      {waits.map((one) => <OneWaiting key={one.event} desk={desk} alert={one} mode={mode} spoken={spoken} order={order} />)}
      {warns && warnings.length === 0 && <p>{say("warnings_none")}</p>}
      {warnings.map((one) => <OneWarning key={one.event} desk={desk} warning={one} mode={mode} standing={at_ms === null ? standingOf(alerts, one) : undefined} order={order} />)}
      {signing && <Sign desk={desk} act={signing} done={done} />}
    </section>
  );
}

/** An alert that goes out once enough persons have released it, each in their own name. */
function OneWaiting({ desk, alert, mode, spoken, order }: { desk: Desk; alert: StandingAlert; mode: string; spoken: string; order: Order }) {
  const say = useWords();
  const who = desk.session.get()?.who ?? "";
  const may = desk.may("release");
  const mine = alert.released_by.includes(who);
  const first_ms = soonest(alert);
  const left_s = first_ms === null ? 0 : (first_ms - (desk.clock.get()?.time_ms ?? Date.now())) / 1_000;
  const count = alert.released_by.length;
  return (
    <article class="warning waits" aria-labelledby={`waits-${alert.event}`} data-waits={alert.event}>
      <p class="band">{mode} · {say("waits_release")}</p>
      <h3 id={`waits-${alert.event}`}>{say("waits_event", { event: alert.event, flights: alert.flights.join(", ") || "—" })}</h3>
      <p>{alert.withheld ? say("waits_withheld") : say("waits_because", { persons: alert.persons })}</p>
      {first_ms !== null && <p class="lead">{left_s > 0 ? say("soonest", { time: bothTimes(first_ms), left: duration(left_s) }) : say("soonest_past", { time: bothTimes(first_ms) })}</p>}
      <Areas areas={alert.areas} spoken={spoken} danger />
      <p class="released">{count > 0 ? `✓ ${say("released_by", { who: alert.released_by.join(", "), count, persons: alert.persons })}` : say("released_none", { persons: alert.persons })}</p>
      {mine
        ? <p class="when">{say("released_already")}</p>
        : <button class="act" disabled={!may} title={may ? "" : say("no_right")} onClick={() => order(alert, "releases")}>{say("release_alert", { mode })}</button>}
    </article>
  );
}

function OneWarning({ desk, warning, mode, standing, order }: { desk: Desk; warning: Warning; mode: string; standing: StandingAlert | undefined; order: Order }) {
  const say = useWords();
  const spoken = useStore(language);
  const state = stateOf(warning);
  const may = desk.may("release");
  return (
    <article class={`warning ${warning.in_force ? "in-force" : "over"}`} aria-label={say(state)} data-warning={warning.event}>
      <p class="band">{mode} · {say(state)}</p>
      <p class="when">
        {say("said_at", { time: bothTimes(warning.sent_ms), count: warning.messages })}
        {warning.in_force && `, ${say("until", { time: bothTimes(warning.expires_ms) })}`}
      </p>
      {warning.parts.map((part) => <Part key={part.told} part={part} areas={warning.areas} spoken={spoken} />)}
      {warning.radars > 0 && <p class="when">{say("independent", { count: warning.radars })}</p>}
      {warning.in_force && standing && <button class="act" disabled={!may} title={may ? "" : say("no_right")} onClick={() => order(standing, "cancellations")}>{say("cancel_alert", { mode })}</button>}
      {warning.messages > 1 && <Said desk={desk} warning={warning} />}
      {!desk.status.get()?.exercise && warning.exercise && <p class="much" role="alert">{say("exercise")}</p>}
    </article>
  );
}

const KINDS: Readonly<Record<WarningMessage["kind"], Word>> = { alert: "said_alert", update: "said_update", cancel: "cancelled", all_clear: "all_clear" };

/** Every message of a warning, to be read again: what was said when to whom. */
function Said({ desk, warning }: { desk: Desk; warning: Warning }) {
  const say = useWords();
  const spoken = useStore(language);
  const { at_ms } = useStore(desk.view);
  const [open, setOpen] = useState(false);
  const [messages, setMessages] = useState<readonly WarningMessage[]>([]);
  useEffect(() => {
    if (open) void desk.try(async () => setMessages(await desk.client.warningMessages(warning.event, at_ms)));
  }, [open, warning.messages, at_ms]);
  return (
    <details class="messages" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say("messages_said", { count: warning.messages })}</summary>
      <ol>
        {messages.map((one) => (
          <li key={one.id}>
            <b>{bothTimes(one.sent_ms)}</b> {say(KINDS[one.kind])}
            {one.parts.map((part) => {
              const text = inLanguage(spoken, part.texts);
              return <p key={part.told}><b>{text?.headline}</b>: {inLanguage(spoken, part.names)?.join(", ")}. {text?.description} {text?.reason && say("why", { reason: text.reason })}</p>;
            })}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** What some of the areas are told, and when it may happen to each. */
function Part({ part, areas, spoken }: { part: WarningPart; areas: readonly WarnedArea[]; spoken: string }) {
  const say = useWords();
  const text = inLanguage(spoken, part.texts);
  return (
    <div class={`part ${part.in_force ? "" : "ended"}`} data-told={part.told}>
      <h3>{text?.headline}</h3>
      <p>{text?.description}</p>
      {text?.reason && <p class="when">{say("why", { reason: text.reason })}</p>}
      {part.in_force
        ? <Areas areas={areas.filter((one) => one.danger === part.told)} spoken={spoken} />
        : <p>{inLanguage(spoken, part.names)?.join(", ")}</p>}
    </div>
  );
}

type Named = Pick<WarnedArea, "id" | "names" | "danger" | "falls" | "passes" | "first_ms" | "last_ms">;

/** The soonest first. `danger`: they are not all told the same, so it is said of each. */
function Areas({ areas, spoken, danger = false }: { areas: readonly Named[]; spoken: string; danger?: boolean }) {
  const say = useWords();
  const shown = (share: number | null): string => (share === null ? "—" : percent(share));
  return (
    <table>
      <thead><tr><th scope="col">{say("area_warned")}</th><th scope="col">{say("between")}</th><th scope="col">{say("falls")}</th><th scope="col">{say("passes")}</th></tr></thead>
      <tbody>
        {[...areas].sort((a, b) => (a.first_ms ?? Infinity) - (b.first_ms ?? Infinity)).map((area) => (
          <tr key={area.id} class={chance(area) > 0.5 ? "likely" : ""}>
            <th scope="row">{inLanguage(spoken, area.names) ?? area.id}{danger && <small>{say(told[area.danger])}</small>}</th>
            <td>{span(area)}<small>{localSpan(area)}</small></td>
            <td>{shown(area.falls)}</td><td>{shown(area.passes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What is in force and what waits for persons, so that it is seen whatever else is looked at. */
export function InForce({ desk, show }: { desk: Desk; show: () => void }) {
  const say = useWords();
  const spoken = useStore(language);
  const inForce = useStore(desk.warnings).warnings.filter((one) => one.in_force);
  const status = useStore(desk.status);
  const waits = waiting(status?.alerts ?? []);
  const look = status?.exercise ? "exercise" : "live";
  if (inForce.length === 0 && waits.length === 0) return null;
  const parts = inForce[0]?.parts.filter((one) => one.in_force) ?? [];
  const areas = waits.flatMap((one) => one.areas.map((area) => inLanguage(spoken, area.names) ?? area.id));
  return (
    <div class="in-force-notices">
      {waits.length > 0 && (
        <button class={`waits-notice ${look}`} onClick={show}>
          <b>{say(look)} · {say("waits_release")} ({waits.length})</b> {[...new Set(areas)].join(", ")}
        </button>
      )}
      {inForce.length > 0 && (
        <button class={`in-force-notice ${look}`} onClick={show}>
          <b>{say(look)} · {say("in_force")} ({inForce.length})</b>
          {parts.map((part) => <span key={part.told} class="part">{inLanguage(spoken, part.texts)?.headline}: {inLanguage(spoken, part.names)?.join(", ")}</span>)}
        </button>
      )}
    </div>
  );
}
