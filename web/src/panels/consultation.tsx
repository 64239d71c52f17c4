/** Shared events: what each nation states and says of one, and what is said to them from here. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Done, EventLine, EventText, SaidBy, Saying, SharedEvent } from "../api/contract";
import { Refused } from "../api/client";
import type { Desk } from "../desk";
import { confirms, nationsOf, sharedIdOf, sideBySide, waitsFor } from "../picture/consulted";
import { clockTime } from "../words/words";
import { EventTable } from "./eventTable";
import { usePicture, useStore, useWords } from "./look";
import { type Act, Sign } from "./sign";

/** What others say is looked for so long after it was last looked for, while this is open. */
const AGAIN_MS = 3_000;
const GREATEST_TEXT = 20_000;
const HASH_SHOWN = 12;

/** Do something in the officer's name, with the password where that is needed; then go on. */
type Carry = (act: Act, then?: () => void) => void;

export function Consultation({ desk }: { desk: Desk }) {
  const say = useWords();
  const { at_ms } = useStore(desk.view);
  usePicture(desk.picture, 1_000);
  const flight = desk.chosenShared();
  const exercise = useStore(desk.status)?.exercise ?? false;
  const { lines, event, fault, choose, read } = useEvents(desk);
  const [signing, sign] = useState<{ act: Act; then: (() => void) | undefined } | null>(null);
  const mode = say(exercise ? "exercise" : "live");
  const done = async (said: string, then?: () => void): Promise<void> => {
    desk.said.set(said);
    then?.();
    await read();
  };
  const carry: Carry = (act, then) => {
    if (desk.session.get()?.own_key) sign({ act, then });
    else void desk.try(async () => done((await act.do()).said, then));
  };
  const signed = (said: string | null): void => {
    sign(null);
    if (said !== null) void done(said, signing?.then);
  };
  return (
    <section class="consultation" aria-labelledby="consultation-title">
      <h2 id="consultation-title">{say("consultation")} <span class="mode-word">{mode}</span></h2>
      <p class="policy">{say("consultation_said")}</p>
      {fault && <p class="much" role="alert">{fault}</p>}
      {flight !== null && at_ms === null && (
        <details>
          <summary>{say("new_text_about", { id: flight })}</summary>
          <Speak key={flight} desk={desk} mode={mode} carry={carry} propose={(said) => desk.client.proposeOf(flight, said)} then={() => choose(null)} />
        </details>
      )}
      <Lines lines={lines} chosen={event} choose={choose} />
      {event && <OneEvent key={event.event} desk={desk} event={event} mode={mode} carry={carry} />}
      {signing && <Sign desk={desk} act={signing.act} done={signed} />}
    </section>
  );
}

/** All events and the chosen one, read again and again; `choose(null)`: that last spoken of. */
function useEvents(desk: Desk) {
  const [lines, list] = useState<readonly EventLine[]>([]);
  const [event, show] = useState<SharedEvent | null>(null);
  const [fault, blame] = useState("");
  const chosen = useRef<string | null>(null);
  const read = async (): Promise<void> => {
    try {
      const all = await desk.readEvents();
      list(all);
      chosen.current ??= all[0]?.event ?? null;
      const name = chosen.current;
      const whole = name === null ? null : await desk.client.consultation(name);
      if (name === chosen.current) show(whole);
      blame("");
    } catch (error) {
      const gone = error instanceof Refused && error.status === 404;
      if (gone) chosen.current = null;
      else blame(error instanceof Error ? error.message : String(error));
    }
  };
  const choose = (name: string | null): void => {
    chosen.current = name;
    void read();
  };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const again = async (): Promise<void> => {
      await read();
      if (!ended) timer = setTimeout(() => void again(), AGAIN_MS);
    };
    void again();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, []);
  const { at_ms } = useStore(desk.view);
  const then = useStore(desk.consulted);
  if (at_ms === null) return { lines, event, fault, choose, read };
  const [newest] = then ?? [];
  const shown = then?.find(({ names }) => chosen.current !== null && names.includes(chosen.current)) ?? newest ?? null;
  const inShort = then?.map((one) => ({ ...one, comments: one.comments.length, texts: one.texts.length })) ?? null;
  return { lines: inShort, event: shown, fault: "", choose, read };
}

function Lines({ lines, chosen, choose }: { lines: readonly EventLine[] | null; chosen: SharedEvent | null; choose: (name: string) => void }) {
  const say = useWords();
  if (lines === null) return <p class="empty" role="status">{say("moment_awaited")}</p>;
  if (lines.length === 0) return <p class="empty">{say("events_none")}</p>;
  return (
    <ul class="events" aria-label={say("shared_events")}>
      {lines.map((one) => (
        <li key={one.event}>
          <button aria-pressed={chosen?.names.includes(one.event) ?? false} data-event={one.event} onClick={() => choose(one.event)}>
            <b>{clockTime(Date.parse(one.began), true)}</b> {say("flights")}: {counts(one.count)}
            <small>
              {say("last_said", { time: clockTime(Date.parse(one.latest)) })} · {say("acknowledged_n", { count: one.acknowledged.length })} · {say("comments_n", { count: one.comments })} · {say("texts_n", { count: one.texts })}
              {one.agreed !== null && ` · ✓ ${say("agreed")}`}
            </small>
          </button>
        </li>
      ))}
    </ul>
  );
}

function counts(count: Record<string, number>): string {
  return Object.entries(count).map(([nation, many]) => `${nation} ${many}`).join(", ") || "—";
}

function OneEvent({ desk, event, mode, carry }: { desk: Desk; event: SharedEvent; mode: string; carry: Carry }) {
  const say = useWords();
  const own = useStore(desk.session)?.nation ?? "";
  const past = useStore(desk.view).at_ms !== null;
  const flights = sideBySide(event, nationsOf(event, own)).map(sharedIdOf);
  const noted = flights.flatMap((id) => (id === null ? [] : desk.ofTogether(id)?.acknowledged ?? []));
  const tell = (what: "acknowledgements" | "comments" | "texts") => (said: Saying): Promise<Done> => desk.client.consult(event.event, what, said);
  return (
    <article class="event" aria-labelledby="event-title" data-shown={event.event}>
      <h3 id="event-title">{say("event_of", { name: event.event })}</h3>
      <p class="when">
        {say("since", { time: clockTime(Date.parse(event.began), true) })}. {Object.keys(event.told).length > 0 ? say("known_to", { nations: Object.entries(event.told).map(([nation, name]) => say("known_as", { nation, name })).join(", ") }) : say("known_to_none")}
        {event.names.length > 1 && ` (${event.names.slice(1).join(", ")})`}
      </p>
      <section class="assessments"><h4>{say("assessments")}</h4><EventTable event={event} own={own} /></section>
      {!past && <Speak desk={desk} mode={mode} carry={carry} acknowledge={tell("acknowledgements")} comment={tell("comments")} propose={tell("texts")} />}
      <section class="noted-by">
        <h4>{say("acknowledged_between")}</h4>
        {event.acknowledged.length === 0 && <p class="empty">{say("acknowledged_to_none")}</p>}
        <ul>{event.acknowledged.map((one) => <li key={`${one.nation} ${one.by}`} class="confirmed">✓ {say("acknowledged_by", said(one))}</li>)}</ul>
        {noted.map((one) => <p key={one.id} class="when">{say("acknowledged_here", { id: one.flight, who: one.who, time: clockTime(Date.parse(one.time)) })}</p>)}
      </section>
      <section class="comments">
        <h4>{say("comments")}</h4>
        {event.comments.length === 0 && <p class="empty">{say("no_comments")}</p>}
        <ul>{event.comments.map((one, k) => <li key={k} class="words"><b>{one.nation} {one.by}</b> <time>{clockTime(Date.parse(one.at))}</time> {one.text}</li>)}</ul>
      </section>
      <section>
        <h4>{say("texts")}</h4>
        {event.texts.length === 0 && <p class="empty">{say("texts_none")}</p>}
        {event.texts.map((text) => <OneText key={text.hash} desk={desk} text={text} mode={mode} carry={carry} />)}
      </section>
    </article>
  );
}

function said(one: SaidBy): { who: string; time: string } {
  return { who: `${one.nation} ${one.by}`, time: clockTime(Date.parse(one.at)) };
}

function OneText({ desk, text, mode, carry }: { desk: Desk; text: EventText; mode: string; carry: Carry }) {
  const say = useWords();
  const session = useStore(desk.session);
  const own = session?.nation ?? "";
  const may = desk.may("act");
  const past = useStore(desk.view).at_ms !== null;
  const asked = past ? "no" : confirms(text, own, session?.who ?? "");
  const waits = waitsFor(text);
  const title = say("confirm_text", { nation: own, mode });
  const confirm = (): void => carry({ title, words: text.text, do: (password) => desk.client.confirmText(text.hash, signedWith(password)) });
  return (
    <article class="text" data-text={text.hash} aria-label={say("proposed_by", said(text.proposed))}>
      <p class="words" id={`text-${text.hash}`}>{text.text}</p>
      <p class="when" title={text.hash}>{say("proposed_by", said(text.proposed))} · {text.hash.slice(0, HASH_SHOWN)}</p>
      {text.confirmed.map((one) => <p key={one.nation} class="confirmed">✓ {say("confirmed_by", said(one))}</p>)}
      {text.agreed !== null
        ? <p class="agreed">✓ {say("agreed_since", { time: clockTime(Date.parse(text.agreed)) })}</p>
        : <p class="when">{say("waits_for", { nations: waits.join(", ") })}</p>}
      {asked === "another" && <p class="when">{say("another_confirms")}</p>}
      {asked === "may" && <button class="act" disabled={!may} title={may ? "" : say("no_right")} aria-describedby={`text-${text.hash}`} onClick={confirm}>{title}</button>}
    </article>
  );
}

function signedWith(password: string | undefined): { password?: string } {
  return password === undefined ? {} : { password };
}

type Tell = (said: Saying) => Promise<Done>;

/** To whom, what, and the buttons that say it. */
function Speak({ desk, mode, carry, acknowledge, comment, propose, then }: {
  desk: Desk; mode: string; carry: Carry; acknowledge?: Tell; comment?: Tell; propose: Tell; then?: () => void;
}) {
  const say = useWords();
  const partners = useStore(desk.partners);
  const [to, address] = useState("");
  const [writing, write] = useState("");
  const may = desk.may("act");
  const text = writing.trim();
  const toWhom = to || say("to_all");
  const button = (title: string, tell: Tell, words: string) => (
    <button
      class="act" disabled={!may || (tell !== acknowledge && !words)} title={may ? "" : say("no_right")}
      onClick={() => carry(
        { title: `${title} → ${toWhom}`, words, do: (password) => tell({ to: to ? [to] : [], ...(words ? { text: words } : {}), ...signedWith(password) }) },
        () => {
          if (words) write("");
          then?.();
        },
      )}
    >{title}</button>
  );
  return (
    <div class="speak" role="group" aria-label={say("speak")}>
      <label>{say("to")} <select value={to} disabled={!may} onChange={(event) => address(event.currentTarget.value)}>
        <option value="">{say("to_all")}</option>
        {partners.map(({ nation }) => <option key={nation} value={nation}>{nation}</option>)}
      </select></label>
      {acknowledge && button(say("acknowledge_event", { mode }), acknowledge, "")}
      <label class="words">{say("words_to_partners")}
        <textarea rows={3} value={writing} maxLength={GREATEST_TEXT} disabled={!may} onInput={(event) => write(event.currentTarget.value)} />
      </label>
      {comment && button(say("comment_event", { mode }), comment, text)}
      {button(say("propose_text", { mode }), propose, text)}
    </div>
  );
}
