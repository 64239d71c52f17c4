/** Height and speed over time: flown as a line, expected as dashes, now as a mark. */
import type { Flight, Path, Track } from "../api/contract";
import { seenAndNot } from "../picture/flown";
import { clockTime, length, speedText } from "../words/words";
import { useWords } from "./look";

const WIDTH = 372;
const HEIGHT = 128;
const LEFT = 44;
const BOTTOM = 16;
const TOP = 18;
/** Above the curves stands what they are of. */
const TITLE = 10;
const POINTS = 160;

type Column = "height_m" | "speed_m_s";

/** Round marks of an axis from 0 to at least `most`. */
export function ticks(most: number, wanted = 3): number[] {
  if (!(most > 0)) return [0];
  const rough = most / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const marks: number[] = [];
  for (let mark = 0; mark < most + step; mark += step) marks.push(mark);
  return marks;
}

function pathData(path: Path, column: Column, x: (time_ms: number) => number, y: (value: number) => number): string {
  const step = Math.max(1, Math.ceil(path.time_ms.length / POINTS));
  let data = "";
  path.time_ms.forEach((time_ms, i) => {
    if (i % step !== 0 && i !== path.time_ms.length - 1) return;
    data += `${data ? "L" : "M"}${x(time_ms).toFixed(1)} ${y(path[column][i]!).toFixed(1)}`;
  });
  return data;
}

function Plot({ flight, track, column, now_ms, title, unit }: {
  flight: Flight; track: Track; column: Column; now_ms: number; title: string; unit: (value: number) => string;
}) {
  const flown = flight.path_flown;
  const [seen, unseen] = seenAndNot(flight, track) ?? [];
  const { path_expected: expected } = flight;
  const times = [...(flown?.time_ms ?? []), ...expected.time_ms];
  if (times.length < 2) return null;
  const from_ms = Math.min(flight.launch?.time_ms ?? Infinity, ...times);
  const until_ms = Math.max(...times);
  const marks = ticks(Math.max(...(flown?.[column] ?? []), ...expected[column], 1));
  const most = marks[marks.length - 1]!;
  const x = (time_ms: number): number => LEFT + ((time_ms - from_ms) / Math.max(1, until_ms - from_ms)) * (WIDTH - LEFT - 6);
  const y = (value: number): number => HEIGHT - BOTTOM - (Math.max(0, value) / most) * (HEIGHT - BOTTOM - TOP);
  const middle_ms = (from_ms + until_ms) / 2;
  return (
    <g>
      {marks.map((mark) => (
        <g key={mark}>
          <line class="grid" x1={LEFT} x2={WIDTH - 6} y1={y(mark)} y2={y(mark)} />
          <text class="axis" x={LEFT - 4} y={y(mark) + 3} text-anchor="end">{unit(mark)}</text>
        </g>
      ))}
      {[from_ms, middle_ms, until_ms].map((time_ms, i) => (
        <text key={i} class="axis" x={x(time_ms)} y={HEIGHT - 3} text-anchor={(["start", "middle", "end"] as const)[i]!}>{clockTime(time_ms)}</text>
      ))}
      <text class="title" x={WIDTH - 8} y={TITLE} text-anchor="end">{title}</text>
      {seen && <path class="flown" d={pathData(seen, column, x, y)} />}
      {unseen && <path class="expected" d={pathData(unseen, column, x, y)} />}
      {flight.status !== "ended" && <path class="expected" d={pathData(expected, column, x, y)} />}
      {now_ms >= from_ms && now_ms <= until_ms && <line class="now" x1={x(now_ms)} x2={x(now_ms)} y1={TOP} y2={HEIGHT - BOTTOM} />}
    </g>
  );
}

export function Charts({ flight, track, now_ms }: { flight: Flight; track: Track; now_ms: number }) {
  const say = useWords();
  const said = say("chart_said", {
    height: length(track.height_m),
    speed: speedText(Math.hypot(track.east_m_s, track.north_m_s, track.up_m_s)),
    apogee: flight.apogee ? length(flight.apogee.height_m) : "—",
  });
  const kilometres = (value: number): string => (value === 0 ? "0" : `${Number((value / 1_000).toPrecision(3))} km`);
  const kilometresPerSecond = (value: number): string => (value === 0 ? "0" : `${Number((value / 1_000).toPrecision(2))} km/s`);
  return (
    <figure class="charts" role="img" aria-label={`${say("height_and_speed")}. ${said}`}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <Plot flight={flight} track={track} column="height_m" now_ms={now_ms} title={say("height")} unit={kilometres} />
      </svg>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <Plot flight={flight} track={track} column="speed_m_s" now_ms={now_ms} title={say("speed")} unit={kilometresPerSecond} />
      </svg>
    </figure>
  );
}
