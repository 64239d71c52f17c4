/** The list of flights, most urgent first, each with its countdown and interval. */
import type { Flight } from "../api/contract";
import type { Desk } from "../desk";
import { flightCode, symbolSvg } from "../globe/symbols";
import { endedUnseen, endWord, isStillDue, launches, lastSeenBy, partedFromIt } from "../picture/ended";
import { TOGETHER } from "../picture/moment";
import { nameIn, nameOf } from "../picture/named";
import { isStated } from "../picture/stated";
import { byUrgency, countdown, fall_ms } from "../picture/urgency";
import { clockTime, duration, nodeWord, percent, placeText, untilImpact } from "../words/words";
import { usePicture, useSeconds, useStore, useWords } from "./look";

/** So many rows are drawn; how many more there are is said. */
const GREATEST_ROWS = 120;

export function Flights({ desk }: { desk: Desk }) {
  const say = useWords();
  usePicture(desk.picture);
  usePicture(desk.together);
  useSeconds();
  const lacking = useStore(desk.lacking);
  const coming = useStore(desk.coming);
  const view = useStore(desk.view);
  const past = useStore(desk.shown)?.past ?? null;
  const { waiting } = useStore(desk.past.playing);
  const awaited = coming || (view.at_ms !== null && past === null && waiting);
  const none = awaited ? "picture_coming" : view.at_ms === null ? "no_flights" : past === null ? "moment_not_had" : "no_flights_then";
  const here = new Set([...desk.picture.flights.values()].map((flight) => flight.shared_id));
  const flights = desk.order.of(desk.picture.name, desk.picture.flights.values());
  const missed = view.picture === TOGETHER ? [] : byUrgency(desk.together.flights.values()).filter((flight) => lacking.has(flight.id) && !here.has(flight.id));
  const tracks = desk.picture.tracks.size;
  const stated = flights.find(isStated)?.nations[0];
  const launched = launches(flights);
  return (
    <section class="flights" aria-labelledby="flights-title">
      <h2 id="flights-title" tabIndex={-1}>{say("flights")} <span class="count">{flights.length}</span> <span class="tracks">{launched < flights.length && `${say("launches_n", { count: launched })} · `}{say("tracks_n", { count: tracks })}</span></h2>
      {lacking.size > 0 && !stated && <p class="lacking" role="status">◌ {say("missing_here", { count: lacking.size })}</p>}
      {flights.length === 0 && missed.length === 0 && <p class="empty" role="status">{tracks > 0 ? say("not_assessed", { count: tracks }) : say(none)}</p>}
      {stated && <p class="empty" role="status">{say("stated_no_track", { nation: stated })}</p>}
      <ul>
        {flights.slice(0, GREATEST_ROWS).map((flight) => <Row key={flight.id} desk={desk} flight={flight} missing={false} />)}
        {missed.map((flight) => <Row key={`missing ${flight.id}`} desk={desk} flight={flight} missing />)}
      </ul>
      {flights.length > GREATEST_ROWS && <p class="empty">+ {flights.length - GREATEST_ROWS}</p>}
    </section>
  );
}

/** When and where it comes down, or came down as far as is known. */
function fallText(flight: Flight, now_ms: number): string {
  const { impact } = flight;
  return impact ? `${clockTime(fall_ms(flight, now_ms)!)} ${placeText(impact.latitude_deg, impact.longitude_deg, 1)}` : "";
}

/** The place that matters now: where it falls, where it fell, or when it was last seen. */
function Where({ flight, now_ms }: { flight: Flight; now_ms: number }) {
  const say = useWords();
  if (endedUnseen(flight)) {
    return (
      <>
        <span>○ {say("last_seen_at", { time: clockTime(flight.last_plot_ms), who: lastSeenBy(flight) })}</span>
        {flight.impact && <span>{say("fall_expected")}: {fallText(flight, now_ms)}</span>}
      </>
    );
  }
  if (flight.status === "ended") {
    return <span>{[nodeWord(flight.ended_because ?? ""), fallText(flight, now_ms)].filter(Boolean).join(" · ")}</span>;
  }
  if (flight.impact) return <span>{fallText(flight, now_ms)}</span>;
  return <><span>{say(flight.kind === "orbital" ? "does_not_fall" : "no_impact_yet")}</span><span>{say("seen_since", { time: clockTime(flight.first_plot_ms) })}</span></>;
}

function Row({ desk, flight, missing }: { desk: Desk; flight: Flight; missing: boolean }) {
  const say = useWords();
  const { flight: chosen } = useStore(desk.view);
  const exercise = desk.status.get()?.exercise ?? false;
  const now_ms = desk.now_ms();
  const falls = flight.status === "ended" && !isStillDue(flight, now_ms) ? null : countdown(flight, now_ms);
  const urgency = Math.max(0, Math.min(3, flight.urgency)) as 0 | 1 | 2 | 3;
  const selected = !missing && chosen === flight.id;
  const kind = say(flight.kind);
  const acknowledged = flight.acknowledged.length > 0;
  const named = (id: number): string => nameIn(missing ? desk.together : desk.picture, id, flight);
  const parts = missing ? [] : partedFromIt(flight, desk.picture.flights.values());
  const inWords = falls
    ? say(falls.seconds >= 0 ? "impact_in" : "impact_past", { time: duration(falls.seconds) })
    : say(flight.status === "ended" ? endWord(flight) : "no_impact_yet");
  return (
    <li>
      <button
        class={`flight u${urgency} ${missing ? "missing" : ""} ${flight.status} ${falls ? "due" : ""}`}
        aria-pressed={selected}
        disabled={missing}
        data-flight={flight.id}
        onClick={() => desk.look({ flight: selected ? null : flight.id })}
      >
        <img src={symbolSvg(flightCode(flight, exercise), 18)} alt="" />
        <span class="id" title={flight.shared_id === null ? say("number_of_this") : undefined}><span class="unseen">{say("flight")} </span>{nameOf(flight)}</span>
        <span class="kind">{flight.range_class ? `${flight.range_class.toUpperCase()} · ` : ""}{kind} {flight.kind !== "unknown" && <small>{percent(flight.kind_probability)}</small>}</span>
        <span class={`left ${falls ? "" : "word"}`} aria-hidden={falls ? undefined : "true"}>{falls ? untilImpact(falls.seconds) : flight.status === "ended" && say(endWord(flight))}</span>
        <span class="where">
          {missing ? `◌ ${say("missing_row")}` : <Where flight={flight} now_ms={now_ms} />}
          {flight.parted_from !== null && <span title={say("parted_said")}>{say("parted_from", { id: named(flight.parted_from) })}</span>}
          {parts.length > 0 && <span title={say("parted_said")}>{say("parted_off", { ids: parts.map(named).join(", ") })}</span>}
        </span>
        <span class="interval">{falls ? `${untilImpact(falls.earliest)} … ${untilImpact(falls.latest)}` : ""}</span>
        <span class="seen">{flight.nations.map((nation) => <b key={nation} class={flight.seen_now_by.includes(nation) ? "sees" : "saw"}>{nation}</b>)}</span>
        <span class={`noted ${acknowledged ? "yes" : ""}`}>{acknowledged ? `✓ ${flight.acknowledged[0]!.who}` : "○"}</span>
        <span class="unseen">{inWords}{acknowledged ? "" : `, ${say("not_acknowledged")}`}</span>
      </button>
    </li>
  );
}
