/** All of one flight: what it is, how sure that is, who sees it, and what each nation says of it. */
import { useState } from "preact/hooks";
import type { Comment, Differences, Flight, NationAssessment, Place, Track } from "../api/contract";
import type { Desk } from "../desk";
import { type Figure, type Row, rowOf } from "../picture/differing";
import { endedUnseen, endWord, isStillDue, lastSeenBy, partedFromIt } from "../picture/ended";
import { nameIn, nameOf } from "../picture/named";
import { lastSeen, SEEN_FOR_MS } from "../picture/flown";
import { closerLaunch, isStated, launchStatedBy } from "../picture/stated";
import { countdown } from "../picture/urgency";
import { TOGETHER } from "../picture/moment";
import { bySource, isHidden, radarName } from "../picture/sources";
import { stateOf } from "../picture/warned";
import { heightSigma_m, horizontalEllipse } from "../picture/uncertainty";
import type { Word } from "../words/en";
import { age, clockDigits, clockTime, duration, length, lengthDigits, localTime, nodeWord, percent, placeText, secondsApart, semiAxes, speedText, untilImpact } from "../words/words";
import { Charts } from "./chart";
import { usePicture, useSeconds, useStore, useWords } from "./look";

/** 95 % of one dimension, in standard deviations. */
const HOLDS_95_OF_1 = 1.96;
/** A node seeks a track's launch for so long. */
const LAUNCH_SOUGHT_MS = 60_000;
/** An assessment that far behind what is seen is said to be: under load it may wait its turn. */
const BEHIND_MS = 5_000;

export function Detail({ desk }: { desk: Desk }) {
  const say = useWords();
  usePicture(desk.picture);
  useSeconds();
  const { flight: chosen } = useStore(desk.view);
  const coming = useStore(desk.coming);
  const sought = useStore(desk.sought);
  if (chosen === null) {
    return <p class="empty" role="status">{sought ? say(coming ? "picture_coming" : "gone", { id: sought.name }) : say("choose_flight")}</p>;
  }
  const flight = desk.picture.flights.get(chosen);
  const track = desk.picture.tracks.get(chosen);
  if (!flight) return <p class="empty" role="status">{coming ? say("picture_coming") : say(track ? "assessed_soon" : "gone", { id: chosen })}</p>;
  const now_ms = desk.now_ms();
  const launchBy = launchStatedBy(flight, desk.picture.name);
  return (
    <article class="detail" aria-labelledby="detail-title">
      <Head desk={desk} flight={flight} now_ms={now_ms} />
      <Warned desk={desk} flight={flight} />
      <Acknowledge desk={desk} flight={flight} />
      {track && track.last_plot_ms - flight.last_plot_ms > BEHIND_MS && <p class="behind" role="status">{say("behind", { time: clockTime(flight.as_of_ms), ago: age((now_ms - flight.as_of_ms) / 1_000) })}</p>}
      {isStated(flight) && <p class="behind">{say("stated_only", { nation: flight.nations[0] ?? "", time: clockTime(flight.as_of_ms) })}</p>}
      {launchBy && <p class="behind">{say("launch_stated", { nation: launchBy })}</p>}
      <Facts flight={flight} track={track} now_ms={now_ms} />
      {track && <Charts flight={flight} track={track} now_ms={now_ms} />}
      {!isStated(flight) && <Sources flight={flight} now_ms={now_ms} />}
      {desk.picture.name === TOGETHER && <Assessments flight={flight} />}
      {flight.shared_id !== null && <Comments desk={desk} shared_id={flight.shared_id} />}
    </article>
  );
}

function Head({ desk, flight, now_ms }: { desk: Desk; flight: Flight; now_ms: number }) {
  const say = useWords();
  const parts = partedFromIt(flight, desk.picture.flights.values());
  const named = (id: number): string => nameIn(desk.picture, id, flight);
  const falls = flight.status === "ended" && !isStillDue(flight, now_ms) ? null : countdown(flight, now_ms);
  return (
    <header class="head">
      <h2 id="detail-title">{say("flight_n", { id: nameOf(flight) })}</h2>
      {flight.shared_id === null && <p class="unmatched">{say("number_of_this")}</p>}
      <p class="kind">
        {say(flight.kind)}{flight.range_class ? ` · ${flight.range_class.toUpperCase()}` : ""} {flight.kind !== "unknown" && <b>{percent(flight.kind_probability)}</b>}
        {flight.parted_from !== null && <span class="parted" title={say("parted_said")}> · {say("parted_from", { id: named(flight.parted_from) })}</span>}
        {parts.length > 0 && <span class="parted" title={say("parted_said")}> · {say("parted_off", { ids: parts.map(named).join(", ") })}</span>}
      </p>
      <p class={`left ${falls ? "" : "word"}`} aria-live="off">
        {falls ? untilImpact(falls.seconds) : say(flight.status === "ended" ? endWord(flight) : flight.kind === "orbital" ? "does_not_fall" : "no_impact_yet")}
        {falls && <small>{say("interval", { from: untilImpact(falls.earliest), until: untilImpact(falls.latest) })}</small>}
        {endedUnseen(flight) ? <small>{say("last_seen_at", { time: clockTime(flight.last_plot_ms), who: lastSeenBy(flight) })}</small>
          : flight.ended_because && <small>{nodeWord(flight.ended_because)}{flight.impact && ` ${clockTime(flight.impact.time_ms)}`}</small>}
      </p>
      <p class="kinds">
        {Object.entries(flight.kind_probabilities)
          .filter(([kind, share]) => share >= 0.005 && kind !== flight.kind)
          .sort((a, b) => b[1] - a[1])
          .map(([kind, share]) => <span key={kind}>{say(kind as Word)} {percent(share)}</span>)}
      </p>
    </header>
  );
}

function Acknowledge({ desk, flight }: { desk: Desk; flight: Flight }) {
  const say = useWords();
  const session = useStore(desk.session);
  const status = useStore(desk.status);
  const mode = say(status?.exercise ? "exercise" : "live");
  const mine = flight.acknowledged.some(({ who }) => who === session?.who);
  const { shared_id } = flight;
  const take = async (): Promise<void> => {
    const noted = await desk.client.acknowledge(shared_id!);
    const now = desk.picture.flights.get(flight.id) ?? flight;
    if (now.acknowledged.some(({ id }) => id === noted.id)) return;
    const changed = [{ ...now, acknowledged: [...now.acknowledged, noted] }];
    desk.picture.changeFlights({ time_ms: desk.now_ms(), changed, gone: [] });
  };
  return (
    <div class="acknowledge">
      {flight.acknowledged.map((noted) => (
        <p key={noted.id} class="noted">✓ {say("acknowledged_by", { who: noted.who, time: clockTime(Date.parse(noted.time)) })}</p>
      ))}
      {!mine && shared_id !== null && desk.view.get().at_ms === null && (
        <button class="act" disabled={!desk.may("act")} title={desk.may("act") ? say("acknowledge_says") : say("no_right")} onClick={() => void desk.try(take)}>
          {say("acknowledge_it", { id: nameOf(flight), mode })}
        </button>
      )}
    </div>
  );
}

/** What people were told of it, as last said: also that it is over. */
function Warned({ desk, flight }: { desk: Desk; flight: Flight }) {
  const say = useWords();
  const { warnings } = useStore(desk.warnings);
  const of = warnings.filter(({ flights }) => flight.shared_id !== null && flights.includes(flight.shared_id));
  return <>{of.map((one) => <p key={one.event} class={one.in_force ? "much" : "when"} data-warned={one.event}>{say("flight_warned", { state: say(stateOf(one)), time: clockTime(one.sent_ms) })}</p>)}</>;
}

function spread(place: Place): string {
  return `± ${duration((place.until_ms - place.from_ms) / 2_000)}`;
}

function Facts({ flight, track, now_ms }: { flight: Flight; track: Track | undefined; now_ms: number }) {
  const say = useWords();
  const unknown = say(flight.status === "ended" ? "not_known" : "not_known_yet");
  const closer = closerLaunch(flight);
  const sought = flight.as_of_ms - flight.first_plot_ms < LAUNCH_SOUGHT_MS;
  return (
    <div class="facts"><table>
      <colgroup><col class="what" /><col class="when" /><col class="where" /><col class="unsure" /></colgroup>
      <thead><tr><td /><th scope="col">{say("time")}</th><th scope="col">{say("place")}</th><th scope="col" title={say("area")}>95 %</th></tr></thead>
      <tbody>
        <PlaceRow of="launch" word="launch" place={flight.launch} unknown={sought ? unknown : say("not_known")} />
        {closer && <tr class="closer"><td /><td colSpan={3} title={say("launch_closer_said")}>{say("launch_closer", { nation: closer.nation, area: semiAxes(closer.launch.ellipse_95) })}</td></tr>}
        <tr>
          <th scope="row">{say("apogee")}</th>
          {flight.apogee
            ? <><td>{clockTime(flight.apogee.time_ms)}</td><td>{length(flight.apogee.height_m)}</td><td>± {length(HOLDS_95_OF_1 * flight.apogee.height_sigma_m)}</td></>
            : <td colSpan={3}>{unknown}</td>}
        </tr>
        <PlaceRow of="impact" word={endedUnseen(flight) ? "fall_expected" : "impact"} place={flight.impact} unknown={flight.kind === "orbital" ? say("does_not_fall") : unknown} />
        {flight.bodies.length > 0 && <tr class="bodies"><td /><td colSpan={3} title={say("bodies_said")}>{say("bodies", bodyEnds(flight))}</td></tr>}
        <Standing flight={flight} track={track} now_ms={now_ms} unknown={unknown} />
        <tr>
          <th scope="row">{say("range")}</th>
          <td colSpan={3}>{flight.ground_range_m === null ? unknown : length(flight.ground_range_m)}</td>
        </tr>
      </tbody>
    </table></div>
  );
}

/** When each of the two bodies that it may be comes down. */
function bodyEnds({ bodies }: Flight): Record<string, string> {
  const [heavy, light] = bodies.map(({ probability, time_ms }) => `${clockTime(time_ms)} (${percent(probability)})`);
  return { heavy: heavy ?? "", light: light ?? "" };
}

/** Where it is: now; at its end, where that was seen; else where it was last seen, for what came after was foretold. */
function Standing({ flight, track, now_ms, unknown }: { flight: Flight; track: Track | undefined; now_ms: number; unknown: string }) {
  const say = useWords();
  if (endedUnseen(flight)) {
    const last = lastSeen(flight, track);
    return (
      <tr class="standing">
        <th scope="row">{say("last_seen")}</th>
        <td>{clockTime(last?.time_ms ?? flight.last_plot_ms)}</td>
        <td colSpan={2}>{last ? <>{placeText(last.latitude_deg, last.longitude_deg)}<br />{length(last.height_m)} · {speedText(last.speed_m_s)}</> : say("path_not_kept")}</td>
      </tr>
    );
  }
  const ellipse = track && horizontalEllipse(track);
  const unseen_ms = track && flight.status !== "ended" ? now_ms - track.last_plot_ms : 0;
  const up = track && `± ${length(HOLDS_95_OF_1 * heightSigma_m(track))}`;
  return (
    <tr class="standing">
      <th scope="row">{say(flight.status === "ended" ? "at_end" : "now")}</th>
      {track && ellipse
        ? (
          <>
            <td>{say(track.phase)}{unseen_ms > SEEN_FOR_MS && <small class="predicted" title={say("predicted_said")}>{say("predicted", { time: age(unseen_ms / 1_000) })}</small>}</td>
            <td>{placeText(track.latitude_deg, track.longitude_deg)}<br />{length(track.height_m)} · {speedText(Math.hypot(track.east_m_s, track.north_m_s, track.up_m_s))}</td>
            <td title={say("position_unsure", { place: semiAxes(ellipse), up: up ?? "" })}>{semiAxes(ellipse)}<br />{up}</td>
          </>
        )
        : <td colSpan={3}>{unknown}</td>}
    </tr>
  );
}

function PlaceRow({ of, word, place, unknown }: { of: "launch" | "impact"; word: Word; place: Place | null; unknown: string }) {
  const say = useWords();
  return (
    <tr class={of}>
      <th scope="row">{say(word)}</th>
      {place
        ? <><td>{clockTime(place.time_ms)}<br /><small>{localTime(place.time_ms)}</small> <small>{spread(place)}</small></td><td>{placeText(place.latitude_deg, place.longitude_deg)}</td><td title={say("area")}>{semiAxes(place.ellipse_95)}</td></>
        : <td colSpan={3}>{unknown}</td>}
    </tr>
  );
}

function Sources({ flight, now_ms }: { flight: Flight; now_ms: number }) {
  const say = useWords();
  const sources = bySource(flight.sources);
  return (
    <section class="sources">
      <h3>{say(flight.status === "ended" ? "was_seen_by" : "seen_by")} <small>{say("independent", { count: flight.independent_radars })}</small></h3>
      <table>
        <thead><tr><th scope="col">{say("nation")}</th><th scope="col">{say("radar")}</th><th scope="col" class="number">{say("plots")}</th><th scope="col">{say("first_seen")}</th><th scope="col">{say("last_seen")}</th></tr></thead>
        <tbody>
          {sources.map((source) => (
            <tr key={`${source.nation} ${source.radar}`} class={source.sees_now ? "sees" : "stale"}>
              <td><i class={source.own ? "own" : "partner"} /> {source.nation}</td>
              <td title={isHidden(source.radar) ? say("hidden_radar") : source.radar}>{radarName(source.radar)}</td>
              <td class="number">{source.plots}</td>
              <td>{source.first_ms === null ? say("before_note") : clockTime(source.first_ms)}</td>
              <td>{source.sees_now ? `● ${say("sees_now")}` : source.last_ms === null ? say("before_note") : `○ ${clockTime(source.last_ms)} · ${age((now_ms - source.last_ms) / 1_000)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {sources.some(({ radar }) => isHidden(radar)) && <p class="when">{say("hidden_radar")}</p>}
    </section>
  );
}

/** The column of the joint assessment, beside those of nations. */
const JOINT = "";

/** What is known of a flight here, or as a nation has it. */
type Known = Pick<NationAssessment, "launch" | "apogee" | "impact">;

function Assessments({ flight }: { flight: Flight }) {
  const say = useWords();
  const { assessments } = flight;
  const known = (at: string): Known | undefined => (at === JOINT ? flight : assessments.find(({ nation }) => nation === at));
  const row = (figure: (one: Known) => Figure | null, far: (one: Differences) => string | null, much: (one: Differences) => boolean): Row =>
    rowOf(
      (at) => { const one = known(at); return one ? figure(one) : null; },
      assessments.map(({ nation, differences }) => ({ at: nation, than: JOINT, far: far(differences), much: much(differences) })),
    );
  const time = (at: Place | null): Figure | null => at && ((more) => clockDigits(at.time_ms, more));
  const place = (at: Place | null): Figure | null => at && ((more) => placeText(at.latitude_deg, at.longitude_deg, 1 + more));
  const metres = (far_m: number | null): string | null => (far_m === null ? null : length(Math.abs(far_m)));
  const rows = {
    launch: [
      row((one) => time(one.launch), (two) => secondsApart(two.launch_time_s), (two) => two.launch_time_significant),
      row((one) => place(one.launch), (two) => metres(two.launch_m), (two) => two.launch_significant),
    ],
    apogee: [row(({ apogee }) => apogee && ((more) => lengthDigits(apogee.height_m, more)), (two) => metres(two.apogee_m), (two) => two.apogee_significant)],
    impact: [
      row((one) => time(one.impact), (two) => secondsApart(two.impact_time_s), (two) => two.impact_time_significant),
      row((one) => place(one.impact), (two) => metres(two.impact_m), (two) => two.impact_significant),
    ],
  };
  const cell = (of: readonly Row[], at: string) => (
    <td key={at}>
      {of[0]!.text(at) === null ? "—" : of.map((one, k) => <>{k > 0 && <br />}{one.text(at)}</>)}
      {of.map((one) => one.marks(at).map(({ far, much }) => <Differs key={far} much={much} text={far} />))}
    </td>
  );
  return (
    <section class="assessments">
      <h3>{say("assessments")}</h3>
      {assessments.length === 0 ? <p class="empty">{say("no_assessments")}</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label={say("assessments")}>
          <table>
            <thead>
              <tr><td /><th scope="col">{say("together")}</th>{assessments.map((one) => <th scope="col" key={one.nation}>{one.nation} <small>{one.own ? say("alone") : say("statement")} {clockTime(one.as_of_ms)}</small></th>)}</tr>
            </thead>
            <tbody>
              <tr><th scope="row">{say("kind")}</th><td>{say(flight.kind)}</td>{assessments.map((one) => <td key={one.nation}>{one.differences.kind ? <Differs much text={say(one.kind)} /> : say(one.kind)}</td>)}</tr>
              {(["launch", "apogee", "impact"] as const).map((word) => (
                <tr key={word}><th scope="row">{say(word)}</th>{[JOINT, ...assessments.map(({ nation }) => nation)].map((at) => cell(rows[word], at))}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Differs({ much, text }: { much: boolean; text: string }) {
  const say = useWords();
  return <em class={much ? "much" : ""} title={say(much ? "differs_much" : "differs")}>{much ? "≠ " : "Δ "}{text}</em>;
}

function Comments({ desk, shared_id }: { desk: Desk; shared_id: number }) {
  const say = useWords();
  const all = useStore(desk.comments);
  const [text, write] = useState("");
  const past = desk.view.get().at_ms !== null;
  const said: readonly Comment[] = all.get(shared_id) ?? [];
  const comments = past ? said.filter(({ time }) => Date.parse(time) <= desk.now_ms()) : said;
  const send = async (): Promise<void> => {
    await desk.client.comment(shared_id, text.trim());
    write("");
    await desk.readComments(shared_id);
  };
  return (
    <section class="comments">
      <h3>{say("comments")}</h3>
      {comments.length === 0 && <p class="empty">{say("no_comments")}</p>}
      <ul>{comments.map((one) => <li key={one.id}><b>{one.who}</b> <time>{clockTime(Date.parse(one.time))}</time> {one.text}</li>)}</ul>
      {!past && desk.may("act") && (
        <form onSubmit={(event) => { event.preventDefault(); if (text.trim()) void desk.try(send); }}>
          <input aria-label={say("comment")} placeholder={say("write")} value={text} maxLength={500} onInput={(event) => write(event.currentTarget.value)} />
          <button disabled={!text.trim()}>{say("send")}</button>
        </form>
      )}
    </section>
  );
}
