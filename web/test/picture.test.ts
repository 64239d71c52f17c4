import { describe, expect, it } from "vitest";
import { FLOWN_PLACES, near, Picture, type PictureChange, thin } from "../src/picture/picture";
import { placeAt, placesOf, TAIL_PLACES, TAIL_STEP_MS } from "../src/picture/tails";
import { madeFlight, madePath, madeTrack, NOON_MS } from "./made";

const whole = (picture = "shared") => ({
  picture,
  tracks: [madeTrack(1), madeTrack(2)],
  flights: [madeFlight(1, { path_flown: madePath(5) })],
});

describe("a picture", () => {
  it("is what a snapshot says and the changes after it", () => {
    const picture = new Picture();
    picture.take(whole());
    picture.changeTracks({ time_ms: NOON_MS, changed: [madeTrack(3), madeTrack(1, { plots: 51 })], gone: [2] });
    expect([...picture.tracks.keys()].sort()).toEqual([1, 3]);
    expect(picture.tracks.get(1)!.plots).toBe(51);
    picture.changeFlights({ time_ms: NOON_MS, changed: [madeFlight(3)], gone: [1] });
    expect([...picture.flights.keys()]).toEqual([3]);
  });

  it("keeps the flown path, which the stream does not send again, and lengthens it by the track", () => {
    const picture = new Picture();
    picture.take(whole());
    picture.changeFlights({ time_ms: NOON_MS, changed: [madeFlight(1, { path_flown: null, plots: 60 })], gone: [] });
    picture.changeTracks({ time_ms: NOON_MS, changed: [madeTrack(1, { time_ms: NOON_MS + 9_000, height_m: 7 })], gone: [] });
    const flight = picture.flights.get(1)!;
    expect(flight.plots).toBe(60);
    expect(flight.path_flown!.time_ms.length).toBe(6);
    expect(flight.path_flown!.height_m.at(-1)).toBe(7);
    expect(flight.path_flown!.speed_m_s.at(-1)).toBe(3_000);
  });

  it("keeps tails over a snapshot of the same picture and drops them with another", () => {
    const picture = new Picture();
    picture.take(whole());
    picture.changeTracks({ time_ms: NOON_MS, changed: [madeTrack(1, { time_ms: NOON_MS + 5_000 })], gone: [] });
    picture.take({ ...whole(), tracks: [madeTrack(1, { time_ms: NOON_MS + 8_000 })] });
    expect(placesOf(picture.tails.get(1)!)).toBeGreaterThan(1);
    picture.take(whole("national"));
    expect(placesOf(picture.tails.get(1)!)).toBe(1);
  });

  it("tells what changed, and no more to whoever stopped looking", () => {
    const picture = new Picture();
    const seen: PictureChange[] = [];
    const end = picture.look((change) => seen.push(change));
    picture.take(whole());
    picture.changeTracks({ time_ms: NOON_MS, changed: [madeTrack(1)], gone: [2] });
    end();
    picture.clear();
    expect(seen.map((change) => [change.whole, change.tracks, change.gone])).toEqual([
      [true, [1, 2], []],
      [false, [1], [2]],
    ]);
  });

  it("holds no more after a day of changes than after an hour", () => {
    const picture = new Picture();
    picture.take(whole());
    const hold = (): number => {
      let numbers = 0;
      for (const tail of picture.tails.values()) numbers += tail.places.length;
      for (const flight of picture.flights.values()) numbers += flight.path_flown?.time_ms.length ?? 0;
      return numbers;
    };
    // Each track lives for a minute; flight 1 goes on all day.
    for (let second = 0; second < 86_400; second += 2) {
      const time_ms = NOON_MS + 1_000 * second;
      const id = 10 + Math.floor(second / 60);
      picture.changeTracks({ time_ms, changed: [madeTrack(id, { time_ms }), madeTrack(1, { time_ms })], gone: second % 60 ? [] : [id - 1] });
      picture.changeFlights({ time_ms, changed: [madeFlight(1)], gone: [] });
    }
    expect(picture.tracks.size).toBeLessThanOrEqual(4);
    expect(picture.tails.size).toBeLessThanOrEqual(4);
    expect(hold()).toBeLessThanOrEqual(4 * 4 * TAIL_PLACES + FLOWN_PLACES);
  });
});

describe("a tail", () => {
  it("has at most so many places, about so far apart in time, and ends where the track is", () => {
    const picture = new Picture();
    picture.take(whole());
    for (let i = 1; i < 2_000; i += 1) {
      const time_ms = NOON_MS + 200 * i;
      picture.changeTracks({ time_ms, changed: [madeTrack(1, { time_ms, longitude_deg: 132 + i / 1_000 })], gone: [] });
    }
    const tail = picture.tails.get(1)!;
    const count = placesOf(tail);
    expect(count).toBe(TAIL_PLACES);
    expect(placeAt(tail, count - 1)).toEqual([132 + 1_999 / 1_000, 38, 200_000, NOON_MS + 200 * 1_999]);
    for (let i = 1; i < count - 1; i += 1) {
      expect(placeAt(tail, i)[3] - placeAt(tail, i - 1)[3]).toBeGreaterThanOrEqual(TAIL_STEP_MS - 200);
    }
  });
});

describe("a tail of another moment", () => {
  it("begins anew, back in time and on again", () => {
    const picture = new Picture();
    const at = (time_ms: number) => picture.take({ picture: "shared", tracks: [madeTrack(1, { time_ms })], flights: [] });
    const places = () => placesOf(picture.tails.get(1)!);
    for (let s = 0; s <= 20; s += 2) at(NOON_MS + 1_000 * s);
    expect(places()).toBeGreaterThan(5);
    at(NOON_MS - 600_000);
    expect(places()).toBe(1);
    at(NOON_MS + 20_000);
    expect(places()).toBe(1);
    at(NOON_MS + 22_000);
    expect(places()).toBe(2);
  });
});

describe("a path", () => {
  it("does not leap at the date line", () => {
    expect(near(-179.9, 179.9)).toBeCloseTo(180.1, 9);
    expect(near(179.9, -179.9)).toBeCloseTo(-180.1, 9);
    expect(near(10, undefined)).toBe(10);
  });

  it("keeps both ends when it is thinned", () => {
    const path = madePath(10);
    thin(path);
    expect(path.height_m).toEqual([0, 2_000, 4_000, 6_000, 8_000, 9_000]);
    expect(path.time_ms.length).toBe(path.longitude_deg.length);
  });
});
