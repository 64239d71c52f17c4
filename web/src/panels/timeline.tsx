/** Back in time: any moment of the journal, as known then or now, played or step by step. */
import { useState } from "preact/hooks";
import type { Desk } from "../desk";
import { toHash } from "../picture/moment";
import { clockTime } from "../words/words";
import { useSeconds, useStore, useWords } from "./look";

const STEP_MS = 10_000;
const SPEEDS = [1, 2, 5, 10, 30];
const REACHES_MIN = [15, 60, 360];

export function stepBack(desk: Desk, by_ms: number): void {
  const newest_ms = desk.clock.get()?.time_ms ?? Date.now();
  const at_ms = (desk.view.get().at_ms ?? newest_ms) + by_ms;
  if (at_ms >= newest_ms) toNow(desk);
  else desk.look({ at_ms });
}

export function toNow(desk: Desk): void {
  desk.past.leave();
  desk.look({ at_ms: null });
}

export function playOrPause(desk: Desk): void {
  if (desk.past.playing.get().running) desk.past.pause();
  else if (desk.view.get().at_ms !== null) desk.past.play((at_ms) => desk.look({ at_ms }));
}

export function Timeline({ desk }: { desk: Desk }) {
  const say = useWords();
  const view = useStore(desk.view);
  const clock = useStore(desk.clock);
  const playing = useStore(desk.past.playing);
  const [reach_min, setReach] = useState(REACHES_MIN[0]!);
  /** Where the slider is held: what is drawn anew meanwhile leaves it there. */
  const [held_ms, hold] = useState<number | null>(null);
  useSeconds();
  const newest_ms = clock?.time_ms ?? Date.now();
  const oldest_ms = Math.min(newest_ms - reach_min * 60_000, view.at_ms ?? Infinity);
  const at_ms = held_ms ?? view.at_ms ?? newest_ms;
  const past = view.at_ms !== null;
  const copy = async (): Promise<void> => {
    const hash = toHash({ ...view, at_ms });
    await navigator.clipboard.writeText(location.origin + location.pathname + hash);
    desk.said.set(say("link_copied"));
  };
  return (
    <section class={`timeline ${past ? "past" : ""}`} aria-label={say("timeline")}>
      <div class="buttons">
        <button onClick={() => stepBack(desk, -STEP_MS)} title={say("back")}>−10 s</button>
        <button disabled={!past} onClick={() => playOrPause(desk)} aria-label={say(playing.running ? "pause" : "play")} title={say(playing.running ? "pause" : "play")}>{playing.running ? "❚❚" : "▶"}</button>
        <button disabled={!past} onClick={() => stepBack(desk, STEP_MS)} title={say("ahead")}>+10 s</button>
        <select aria-label={say("speed_of_play")} value={String(playing.speed)} onChange={(event) => desk.past.setSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((speed) => <option key={speed} value={String(speed)}>{speed} ×</option>)}
        </select>
      </div>
      <span class="end">{clockTime(oldest_ms)}</span>
      <input
        type="range"
        aria-label={say("moment")}
        aria-valuetext={clockTime(at_ms, true)}
        min={oldest_ms}
        max={newest_ms}
        step={1_000}
        value={at_ms}
        onInput={(event) => hold(Number(event.currentTarget.value))}
        onBlur={() => hold(null)}
        onChange={(event) => {
          hold(null);
          const wanted_ms = Number(event.currentTarget.value);
          if (wanted_ms >= newest_ms - 1_000) toNow(desk);
          else desk.look({ at_ms: wanted_ms });
        }}
      />
      <output class="at">{playing.waiting && held_ms === null ? say("rebuilding") : clockTime(at_ms)}</output>
      <label>{say("known")}
        <select value={view.known} onChange={(event) => desk.look({ known: event.currentTarget.value === "now" ? "now" : "then" })}>
          <option value="then">{say("known_then")}</option>
          <option value="now">{say("known_now")}</option>
        </select>
      </label>
      <select aria-label={say("window")} value={String(reach_min)} onChange={(event) => setReach(Number(event.currentTarget.value))}>
        {REACHES_MIN.map((minutes) => <option key={minutes} value={String(minutes)}>{minutes < 60 ? `${minutes} min` : `${minutes / 60} h`}</option>)}
      </select>
      <button onClick={() => void desk.try(copy)}>{say("copy_link")}</button>
      <button class={`now ${past ? "act" : ""}`} disabled={!past} onClick={() => toNow(desk)}>{past ? say("to_now") : `● ${say("now")}`}</button>
    </section>
  );
}
