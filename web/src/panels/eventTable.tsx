/** What each nation states of an event's flights, beside the others; what differs is marked. */
import type { SharedEvent, StatedPlace } from "../api/contract";
import { apart, between, isWarning, nationsOf, sideBySide, type Stated, type Together } from "../picture/consulted";
import { clockTime, length, placeText } from "../words/words";
import { useWords } from "./look";

export function EventTable({ event, own }: { event: SharedEvent; own: string }) {
  const say = useWords();
  const nations = nationsOf(event, own);
  const flights = sideBySide(event, nations);
  if (nations.length === 0) return <p class="empty">{say("no_assessments")}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={say("assessments")}>
      <table>
        <thead>
          <tr><td />{nations.map((nation) => <th scope="col" key={nation}>{nation} {nation === own && <small>{say("alone")}</small>}</th>)}</tr>
          <tr>
            <th scope="row">{say("flights")}</th>
            {nations.map((nation, k) => (
              <td key={nation}>
                {(event.assessments[nation] ?? []).length}
                {nations.slice(0, k).map((other) => between(event, nation, other)?.count_differs && <Unlike key={other} other={other} />)}
              </td>
            ))}
          </tr>
        </thead>
        {flights.map((flight, k) => (
          <tbody key={k}>
            {flights.length > 1 && <tr><th scope="rowgroup" colSpan={nations.length + 1}>{say("flight_of", { id: k + 1, count: flights.length })}</th></tr>}
            <Rows event={event} flight={flight} nations={nations} />
          </tbody>
        ))}
      </table>
    </div>
  );
}

/** One flight: a row for each thing that is stated of it. */
function Rows({ event, flight, nations }: { event: SharedEvent; flight: Together; nations: readonly string[] }) {
  const say = useWords();
  const before = (nation: string) => nations.slice(0, nations.indexOf(nation)).flatMap((other) => {
    const two = apart(event, flight, nation, other);
    return two ? [{ other, two }] : [];
  });
  const row = (word: "kind" | "launch" | "apogee" | "range" | "impact") => (
    <tr>
      <th scope="row">{say(word)}</th>
      {nations.map((nation) => {
        const stated = flight.get(nation);
        return (
          <td key={nation}>
            {stated ? <Value stated={stated} of={word} /> : "—"}
            {before(nation).map(({ other, two }) => (
              word === "kind"
                ? two.kind_differs && <Unlike key={other} other={other} />
                : <Far key={other} other={other} km={two[`${word}_km`]} much={two[`${word}_differs`]} />
            ))}
            {word === "impact" && before(nation).map(({ other, two }) => <Late key={other} other={other} seconds={two.impact_time_s} much={two.impact_time_differs} />)}
          </td>
        );
      })}
    </tr>
  );
  return <>{row("kind")}{row("launch")}{row("apogee")}{row("range")}{row("impact")}</>;
}

function Value({ stated, of }: { stated: Stated; of: "kind" | "launch" | "apogee" | "range" | "impact" }) {
  const say = useWords();
  if (isWarning(stated)) {
    return <>{of === "impact" ? `${clockTime(Date.parse(stated.from))} – ${clockTime(Date.parse(stated.until))}` : of === "kind" ? say("means_warning") : "—"}</>;
  }
  switch (of) {
    case "kind": return <>{say(stated.kind)}{stated.range_class && ` · ${stated.range_class.toUpperCase()}`}</>;
    case "apogee": return <>{stated.apogee ? length(1_000 * stated.apogee.height_km) : "—"}</>;
    case "range": return <>{stated.ground_range_km === null ? "—" : length(1_000 * stated.ground_range_km)}</>;
    default: return <At place={stated[of]} />;
  }
}

function At({ place }: { place: StatedPlace | null }) {
  return <>{place ? <>{clockTime(Date.parse(place.time))}<br />{placeText(place.latitude_deg, place.longitude_deg, 1)}</> : "—"}</>;
}

function Far({ other, km, much }: { other: string; km: number | null; much: boolean }) {
  return km === null ? null : <Mark other={other} far={length(Math.abs(1_000 * km))} much={much} />;
}

function Late({ other, seconds, much }: { other: string; seconds: number | null; much: boolean }) {
  return seconds === null || Math.abs(seconds) < 0.5 ? null : <Mark other={other} far={`${Math.abs(seconds).toFixed(0)} s`} much={much} />;
}

/** Seen as a sign, heard as a sentence. */
function Mark({ other, far, much }: { other: string; far: string; much: boolean }) {
  const say = useWords();
  return (
    <em class={much ? "much" : ""}>
      <span aria-hidden="true">{much ? "≠" : "Δ"} {other} {far}</span>
      <span class="heard">{say(much ? "apart_much" : "apart", { nation: other, far })}</span>
    </em>
  );
}

function Unlike({ other }: { other: string }) {
  const say = useWords();
  return <em class="much"><span aria-hidden="true"> ≠ {other}</span><span class="heard">{say("unlike", { nation: other })}</span></em>;
}
