/** What each nation states of an event's flights, beside the others; what differs is marked. */
import type { ComponentChildren } from "preact";
import type { Apart, SharedEvent, StatedFlight, StatedPlace } from "../api/contract";
import { apart, between, isWarning, nationsOf, sharedIdOf, sideBySide, type Together } from "../picture/consulted";
import { type Figure, type Row, rowOf } from "../picture/differing";
import { clockDigits, clockTime, length, lengthDigits, placeText, secondsApart } from "../words/words";
import { useWords } from "./look";

export function EventTable({ event, own }: { event: SharedEvent; own: string }) {
  const say = useWords();
  const nations = nationsOf(event, own);
  const flights = sideBySide(event, nations);
  const named = (flight: Together): string => {
    const id = sharedIdOf(flight);
    return id === null ? say("flight_not_together") : say("flight_n", { id });
  };
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
            <tr><th scope="rowgroup" colSpan={nations.length + 1}>{named(flight)}</th></tr>
            <Rows event={event} flight={flight} nations={nations} />
          </tbody>
        ))}
      </table>
    </div>
  );
}

/** Something that is stated of a flight, and how far two statements of it are apart. */
interface Measure {
  figure: (one: StatedFlight) => Figure | null;
  far: (two: Apart) => string | null;
  much: (two: Apart) => boolean;
}

const km = (value: number | null): string | null => (value === null ? null : length(Math.abs(1_000 * value)));
const time = (at: StatedPlace | null): Figure | null => at && ((more) => clockDigits(Date.parse(at.time), more));
const place = (at: StatedPlace | null): Figure | null => at && ((more) => placeText(at.latitude_deg, at.longitude_deg, 1 + more));
const MEASURES = {
  launch: { figure: ({ launch }) => place(launch), far: (two) => km(two.launch_km), much: (two) => two.launch_differs },
  launched: { figure: ({ launch }) => time(launch), far: (two) => secondsApart(two.launch_time_s), much: (two) => two.launch_time_differs },
  apogee: { figure: ({ apogee }) => apogee && ((more) => lengthDigits(1_000 * apogee.height_km, more)), far: (two) => km(two.apogee_km), much: (two) => two.apogee_differs },
  range: { figure: ({ ground_range_km: far }) => (far === null ? null : (more) => lengthDigits(1_000 * far, more)), far: (two) => km(two.range_km), much: (two) => two.range_differs },
  impact: { figure: ({ impact }) => place(impact), far: (two) => km(two.impact_km), much: (two) => two.impact_differs },
  falls: { figure: ({ impact }) => time(impact), far: (two) => secondsApart(two.impact_time_s), much: (two) => two.impact_time_differs },
} satisfies Record<string, Measure>;

/** One flight: a row for each thing that is stated of it. */
function Rows({ event, flight, nations }: { event: SharedEvent; flight: Together; nations: readonly string[] }) {
  const say = useWords();
  const pairs = nations.flatMap((nation, k) => nations.slice(0, k).flatMap((other) => {
    const two = apart(event, flight, nation, other);
    return two ? [{ at: nation, than: other, two }] : [];
  }));
  const row = ({ figure, far, much }: Measure): Row => {
    const of = (nation: string): Figure | null => {
      const one = flight.get(nation);
      return one && !isWarning(one) ? figure(one) : null;
    };
    return rowOf(of, pairs.map(({ at, than, two }) => ({ at, than, far: far(two), much: much(two) })));
  };
  const line = (word: "kind" | "launch" | "apogee" | "range" | "impact", cell: (nation: string) => ComponentChildren) => (
    <tr><th scope="row">{say(word)}</th>{nations.map((nation) => <td key={nation}>{cell(nation)}</td>)}</tr>
  );
  const measured = (word: "apogee" | "range") => {
    const { text, marks } = row(MEASURES[word]);
    return line(word, (nation) => <>{text(nation) ?? "—"}<Marks marks={marks(nation)} /></>);
  };
  const end = (word: "launch" | "impact", when: Row, where: Row) => line(word, (nation) => {
    const one = flight.get(nation);
    if (one && isWarning(one) && word === "impact") return `${clockTime(Date.parse(one.from))} – ${clockTime(Date.parse(one.until))}`;
    if (when.text(nation) === null) return "—";
    return <>{when.text(nation)}<br />{where.text(nation)}<Marks marks={where.marks(nation)} /><Marks marks={when.marks(nation)} /></>;
  });
  return (
    <>
      {line("kind", (nation) => {
        const one = flight.get(nation);
        return (
          <>
            {!one ? "—" : isWarning(one) ? say("means_warning") : <>{say(one.kind)}{one.range_class && ` · ${one.range_class.toUpperCase()}`}</>}
            {pairs.filter(({ at, two }) => at === nation && two.kind_differs).map(({ than }) => <Unlike key={than} other={than} />)}
          </>
        );
      })}
      {end("launch", row(MEASURES.launched), row(MEASURES.launch))}
      {measured("apogee")}
      {measured("range")}
      {end("impact", row(MEASURES.falls), row(MEASURES.impact))}
    </>
  );
}

function Marks({ marks }: { marks: ReturnType<Row["marks"]> }) {
  return <>{marks.map(({ than, far, much }) => <Mark key={than} other={than} far={far} much={much} />)}</>;
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
