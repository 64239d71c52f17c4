/** The globe in its place on the page, what it can be told to show, and its legend. */
import type { FeatureCollection } from "geojson";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Desk } from "../desk";
import type { Globe } from "../globe/globe";
import { pin, radarCode, symbolSvg } from "../globe/symbols";
import { type ThemeName, THEMES } from "../look/theme";
import { TOGETHER } from "../picture/moment";
import { radarsOf } from "../picture/sources";
import type { Store } from "../picture/store";
import { type Language, language, length } from "../words/words";
import { usePicture, useStore, useWords } from "./look";

/** So often the word stands along the foot of the globe: enough for the widest, and what is too much is cut. */
const WATERMARKS = 12;
/** Where flights of missiles are for most of their time: what a radar covers there is shown at first. */
const FIRST_COVERAGE_M = 100_000;

function nearestTo(heights: readonly number[], height_m: number): number | null {
  const by = (one: number): number => Math.abs(one - height_m);
  return heights.reduce<number | null>((best, one) => (best === null || by(one) < by(best) ? one : best), null);
}

/** What the limits at sea are called, as their file has it: a name, or one for each language. */
function namesOf(lines: FeatureCollection, spoken: Language): string[] {
  const names = lines.features.map(({ properties }) => {
    const name: unknown = properties?.["name"];
    return typeof name === "object" && name !== null ? (name as Record<string, unknown>)[spoken] : name;
  });
  return [...new Set(names.filter((name) => typeof name === "string"))];
}

/** Opened by the first panel that needs it: the page itself is there before the globe's code is. */
async function openGlobe(box: HTMLElement, desk: Desk, theme: ThemeName): Promise<Globe> {
  const [{ Globe }, { loadOutlines }] = await Promise.all([import("../globe/globe"), import("../globe/outlines")]);
  const shown = { theme: THEMES[theme], chosen: desk.view.get().flight, exercise: desk.session.get()?.exercise ?? false };
  return new Globe(box, await loadOutlines(), shown, (flight) => desk.look({ flight }));
}

export function GlobePanel({ desk, look, flat, opened }: { desk: Desk; look: Store<ThemeName>; flat: Store<boolean>; opened: (globe: Globe) => void }) {
  const say = useWords();
  const box = useRef<HTMLDivElement>(null);
  const [globe, setGlobe] = useState<Globe | null>(null);
  const [fault, blame] = useState("");
  const theme = useStore(look);
  const isFlat = useStore(flat);
  const view = useStore(desk.view);
  const status = useStore(desk.status);
  const all = useStore(desk.radars);
  const radars = useMemo(() => radarsOf(view.picture, all), [view.picture, all]);
  const lines = useStore(desk.lines);
  const lacking = useStore(desk.lacking);
  const chosen = useStore(language);
  const { warnings } = useStore(desk.warnings);
  const heights = [...new Set(all.flatMap((radar) => radar.coverage.map(({ height_m }) => height_m)))].sort((a, b) => a - b);
  const [height_m, setHeight] = useState<number | null | undefined>(undefined);
  const shownHeight_m = height_m === undefined ? nearestTo(heights, FIRST_COVERAGE_M) : height_m;
  const exercise = status?.exercise ?? desk.session.get()?.exercise ?? false;

  useEffect(() => {
    openGlobe(box.current!, desk, look.get()).then(
      (made) => {
        setGlobe(made);
        opened(made);
      },
      (error: unknown) => blame(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)),
    );
  }, []);
  useEffect(() => {
    if (!globe) return;
    const end = globe.follow(desk.picture, () => desk.now_ms());
    desk.picture.take({ picture: desk.picture.name, tracks: [...desk.picture.tracks.values()], flights: [...desk.picture.flights.values()] });
    return end;
  }, [globe]);
  useEffect(() => globe?.show({ theme: THEMES[theme], chosen: view.flight, exercise }), [globe, theme, view.flight, exercise]);
  useEffect(() => {
    const ghosts = view.picture === TOGETHER ? [] : [...lacking].map((id) => desk.together.tracks.get(id)).filter((track) => track !== undefined);
    globe?.ghosts(ghosts);
  }, [globe, lacking, view.picture]);
  useEffect(() => globe?.showRadars(radars, shownHeight_m), [globe, radars, shownHeight_m, theme, exercise]);
  useEffect(() => globe?.showLines(lines), [globe, lines, theme]);
  useEffect(() => globe?.showWarnings(warnings), [globe, warnings, theme]);
  useEffect(() => globe?.flat(isFlat), [globe, isFlat]);
  useEffect(() => {
    const flight = view.flight === null ? undefined : desk.picture.flights.get(view.flight);
    if (!flight) return;
    if (desk.carried) globe?.keep(flight);
    else globe?.lookAt(flight);
  }, [globe, view.flight]);

  return (
    <div class={`globe ${exercise ? "exercise" : "live"}`}>
      <div class="box" ref={box} />
      {!globe && <p class="loading" role="status">{fault ? say("no_globe", { why: fault }) : `${say("loading")} …`}</p>}
      <GlobeLabel desk={desk} globe={globe} />
      <div class="controls" role="group" aria-label={say("globe")}>
        <button onClick={() => globe?.zoom(true)} aria-label={say("nearer")} title={say("nearer")}>+</button>
        <button onClick={() => globe?.zoom(false)} aria-label={say("farther")} title={say("farther")}>−</button>
        <button onClick={() => globe?.home()} aria-label={say("home")} title={say("home")}>⌂</button>
        <button onClick={() => flat.set(!isFlat)} aria-pressed={isFlat}>{say(isFlat ? "round" : "flat")}</button>
        <select aria-label={say("coverage")} value={String(shownHeight_m ?? "")} onChange={(event) => setHeight(event.currentTarget.value ? Number(event.currentTarget.value) : null)}>
          <option value="">{say("coverage")}: {say("coverage_none")}</option>
          {heights.map((height) => <option key={height} value={String(height)}>{say("coverage")} {say("coverage_at", { height: length(height) })}</option>)}
        </select>
      </div>
      <details class="legend">
        <summary>{say("legend")}</summary>
        <ul>
          <li class="k-track">{say("legend_track")}</li>
          <li class="k-stale">{say("legend_stale")}</li>
          <li class="k-missing">{say("legend_missing")}</li>
          <li class="k-flown">{say("legend_flown")}</li>
          <li class="k-expected">{say("legend_expected")}</li>
          <li class="k-launch">{say("legend_launch")} <Pin of="launch" theme={theme} /></li>
          <li class="k-impact">{say("legend_impact")} <Pin of="impact" theme={theme} /></li>
          <li class="k-warned">{say("legend_warned")}</li>
          <li class="k-radar"><img src={symbolSvg(radarCode(exercise), 11)} alt="" /> {say("legend_radar")}</li>
          <li class="k-own">{say("legend_covers_own")}</li>
          <li class="k-partner">{say("legend_covers_partner")}</li>
          <li class="k-line">{say("legend_line")}</li>
        </ul>
        <p>{lines ? say("lines_there") : say("lines_none")}</p>
        {lines && <ul class="limits">{namesOf(lines, chosen).map((name) => <li key={name}>{name}</li>)}</ul>}
      </details>
      {exercise && <div class="watermark" aria-hidden="true">{Array.from({ length: WATERMARKS }, (_, i) => <span key={i}>{say("exercise")}</span>)}</div>}
    </div>
  );
}

/** The mark that keeps its size, however far one looks from. */
function Pin({ of, theme }: { of: "launch" | "impact"; theme: ThemeName }) {
  // Written once: a canvas waits for the graphics card to be read.
  const address = useMemo(() => pin(of, THEMES[theme][of], THEMES[theme].halo).canvas.toDataURL(), [of, theme]);
  return <img src={address} alt="" />;
}

/** The canvas says to a screen reader what it holds and where the same stands in words. */
function GlobeLabel({ desk, globe }: { desk: Desk; globe: Globe | null }) {
  const say = useWords();
  usePicture(desk.picture, 2_000);
  const label = say("globe_label", { tracks: desk.picture.tracks.size, flights: desk.picture.flights.size });
  useEffect(() => {
    globe?.canvas.setAttribute("role", "img");
    globe?.canvas.setAttribute("aria-label", label);
  }, [globe, label]);
  return null;
}
