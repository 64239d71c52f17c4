/** Shared events: what each nation says of what happens, what they say to each other, and agreed texts. */
import { useEffect, useState } from "preact/hooks";
import type { EventDifference, EventLine, EventText, SaidBy, SharedEvent, StatedFlight } from "../api/contract";
import type { Desk } from "../desk";
import { clockTime, placeText } from "../words/words";
import { useStore, useWords } from "./look";

/** What others said is looked for so often while this is open. */
const AGAIN_MS = 3_000;

const at = (one: SaidBy | { time: string }): string => clockTime(Date.parse("at" in one ? one.at : one.time));

export function Events({ desk }: { desk: Desk }) {
  const say = useWords();
  const exercise = useStore(desk.status)?.exercise ?? false;
  const [lines, setLines] = useState<readonly EventLine[]>([]);
  const [chosen, choose] = useState("");
  const [event, setEvent] = useState<SharedEvent | null>(null);
  const name = lines.some((one) => one.event === chosen) ? chosen : (lines[0]?.event ?? "");
  const read = async (): Promise<void> => {
    const found = await desk.client.events();
    setLines(found);
    const wanted = found.find((one) => one.event === chosen) ?? found[0];
    setEvent(wanted ? await desk.client.event(wanted.event) : null);
  };
  useEffect(() => {
    void desk.try(read);
    const again = setInterval(() => void read().catch(() => undefined), AGAIN_MS);
    return () => clearInterval(again);
  }, [chosen]);
  return (
    <section class="events" aria-labelledby="events-title">
      <h2 id="events-title">{say("events")} <span class="mode-word">{say(exercise ? "exercise" : "live")}</span></h2>
      <p class="policy">{say("events_said")}</p>
      {lines.length === 0 && <p>{say("events_none")}</p>}
      {lines.length > 1 && (
        <label>{say("event")} <select value={name} onChange={(picked) => choose(picked.currentTarget.value)}>
          {lines.map((one) => <option key={one.event} value={one.event}>{clockTime(Date.parse(one.began))} · {one.event}</option>)}
        </select></label>
      )}
      {event && <One key={event.event} desk={desk} event={event} mode={say(exercise ? "exercise" : "live")} read={read} />}
    </section>
  );
}

function One({ desk, event, mode, read }: { desk: Desk; event: SharedEvent; mode: string; read: () => Promise<void> }) {
  const say = useWords();
  const [comment, setComment] = useState("");
  const [text, setText] = useState("");
  const [password, setPassword] = useState("");
  const session = useStore(desk.session);
  const may = desk.may("act");
  const told = async (what: (password: string | null) => Promise<{ said: string }>): Promise<void> => {
    const done = await desk.try(async () => desk.said.set((await what(password || null)).said));
    if (done) await desk.try(read);
  };
  const { client } = desk;
  const about = `consultations/${event.event}`;
  const noted = event.acknowledged.some((one) => one.nation === session?.nation && one.by === session?.who);
  const submit = (sent: SubmitEvent, what: string, words: string, clear: (empty: string) => void): void => {
    sent.preventDefault();
    void told((secret) => client.say(`${about}/${what}`, secret, words)).then(() => clear(""));
  };
  return (
    <>
      <p class="when">{say("event_began", { event: event.event, time: clockTime(Date.parse(event.began)) })} {event.told.length ? say("event_told", { nations: event.told.join(", ") }) : say("event_untold")}</p>
      <Stated event={event} />
      <ul class="words-said">
        {event.acknowledged.map((one) => <li key={`${one.at}${one.by}`}>✓ {at(one)} <b>{one.nation}</b> {say("took_note", { who: one.by })}</li>)}
        {event.comments.map((one) => <li key={`${one.at}${one.text}`}>{at(one)} <b>{one.nation}</b> {one.by}: {one.text}</li>)}
      </ul>
      {may && (
        <>
          {!noted && <p><button class="act" onClick={() => void told((secret) => client.say(`${about}/acknowledgements`, secret))}>{say("take_note", { mode })}</button></p>}
          <form class="line" onSubmit={(sent) => submit(sent, "comments", comment.trim(), setComment)}>
            <input aria-label={say("comment_partners")} placeholder={say("comment_partners")} value={comment} onInput={(typed) => setComment(typed.currentTarget.value)} />
            <button disabled={!comment.trim()}>{say("send")}</button>
          </form>
        </>
      )}
      <h3>{say("texts")}</h3>
      {event.texts.length === 0 && <p>{say("texts_none")}</p>}
      {event.texts.map((one) => <Text key={one.hash} desk={desk} text={one} mode={mode} confirm={() => void told((secret) => client.say(`texts/${one.hash}/confirmation`, secret))} />)}
      {may && (
        <form onSubmit={(sent) => submit(sent, "texts", text.trim(), setText)}>
          <label>{say("new_text")}<textarea rows={3} value={text} onInput={(typed) => setText(typed.currentTarget.value)} /></label>
          <button class="act" disabled={!text.trim()}>{say("propose_text", { mode })}</button>
        </form>
      )}
      {may && <label class="key">{say("password_for_key")}<input type="password" autocomplete="current-password" value={password} onInput={(typed) => setPassword(typed.currentTarget.value)} /></label>}
    </>
  );
}

/** What each nation counts to the event, and where they differ. */
function Stated({ event }: { event: SharedEvent }) {
  const say = useWords();
  const rows = Object.entries(event.assessments).flatMap(([nation, flights]) => flights.map((flight, i) => ({ nation, flight, key: `${nation}${i}` })));
  const place = (one: StatedFlight["launch"]) => (one ? <>{at(one)}<br />{placeText(one.latitude_deg, one.longitude_deg, 1)}</> : "—");
  return (
    <>
      <table class="stated">
        <thead><tr><th scope="col">{say("nation")}</th><th scope="col">{say("kind")}</th><th scope="col">{say("launch")}</th><th scope="col">{say("impact")}</th></tr></thead>
        <tbody>
          {rows.map(({ nation, flight, key }) => (
            <tr key={key}>
              <td>{nation}</td>
              <td>{flight.kind ? `${flight.range_class ? `${flight.range_class.toUpperCase()} · ` : ""}${say(flight.kind)}` : say("warning")}</td>
              <td>{place(flight.launch ?? null)}</td>
              <td>{place(flight.impact ?? null)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul class="apart">{event.differences.map((two) => <Apart key={two.between.join()} two={two} />)}</ul>
    </>
  );
}

function Apart({ two }: { two: EventDifference }) {
  const say = useWords();
  const said = two.count_differs ? [`${two.count[0]} / ${two.count[1]} ${say("flights")}`] : [];
  for (const one of two.flights) {
    if (one.kind_differs) said.push(say("kind"));
    if (one.launch_differs) said.push(`${say("launch")} ${one.launch_km} km`);
    if (one.apogee_differs) said.push(`${say("apogee")} ${one.apogee_km} km`);
    if (one.impact_differs) said.push(`${say("impact")} ${one.impact_km} km`);
    if (one.impact_time_differs) said.push(`${say("impact")} ${one.impact_time_s} s`);
  }
  return said.length ? <li class="much">≠ {two.between.join(" – ")}: {said.join(", ")}</li> : null;
}

/** A text, who confirmed it, and whether all that it names have. */
function Text({ desk, text, mode, confirm }: { desk: Desk; text: EventText; mode: string; confirm: () => void }) {
  const say = useWords();
  const session = useStore(desk.session);
  const ours = text.confirmed.some((one) => one.nation === session?.nation);
  const mine = text.proposed.nation === session?.nation && text.proposed.by === session?.who;
  return (
    <article class="text" data-text={text.hash}>
      <p class="words">{text.text}</p>
      <p class="when">{say("proposed_by", { who: `${text.proposed.by} (${text.proposed.nation})`, time: at(text.proposed) })} {say("text_for", { nations: text.nations.join(", ") })}</p>
      {text.confirmed.map((one) => <p class="confirmed" key={`${one.nation}${one.by}`}>✓ {say("confirmed_by", { who: `${one.by} (${one.nation})`, time: at(one) })}</p>)}
      {text.agreed !== null && <p class="agreed">{say("text_agreed", { time: clockTime(Date.parse(text.agreed)) })}</p>}
      {!ours && (mine ? <p class="when">{say("another_confirms")}</p> : desk.may("act") && <button onClick={confirm}>{say("confirm_text", { mode })}</button>)}
    </article>
  );
}
