import { describe, expect, it } from "vitest";
import type { Moment } from "../src/api/contract";
import { FIRST_VIEW, fromHash, toHash, type View } from "../src/picture/moment";
import { Past } from "../src/picture/past";
import { Picture } from "../src/picture/picture";
import { store } from "../src/picture/store";
import { madeTrack, NOON_MS } from "./made";

describe("a link to a moment", () => {
  it.each<View>([
    FIRST_VIEW,
    { picture: "from:KOR", flight: 7, at_ms: NOON_MS + 123, known: "now" },
    { picture: "national", flight: null, at_ms: NOON_MS, known: "then" },
  ])("leads back to what was looked at (%o)", (view) => {
    expect(fromHash(toHash(view))).toEqual(view);
  });

  it.each(["#flight=x&at=yesterday", "#known=maybe", "#%%%", "#flight=1.5"])("that is wrong asks for nothing (%s)", (hash) => {
    expect(fromHash(hash)).toEqual(FIRST_VIEW);
  });
});

describe("going back", () => {
  const moment = (at_ms: number): Moment => ({ picture: "shared", time_ms: at_ms, known: null, warnings: { warns: false, fault: "", warnings: [] }, consultations: [], tracks: [madeTrack(at_ms - NOON_MS)], flights: [] });

  it("shows the moment asked for last, though an earlier one is answered later", async () => {
    const answers = new Map<number, (moment: Moment) => void>();
    const client = { moment: (_: string, at_ms: number) => new Promise<Moment>((done) => answers.set(at_ms, done)) };
    const picture = new Picture();
    const view = store<View>({ ...FIRST_VIEW, at_ms: NOON_MS + 1 });
    const past = new Past(client, (moment) => picture.take(moment), () => {}, view, () => {});
    const first = past.show();
    view.set({ ...view.get(), at_ms: NOON_MS + 2 });
    const second = past.show();
    answers.get(NOON_MS + 2)!(moment(NOON_MS + 2));
    await second;
    answers.get(NOON_MS + 1)!(moment(NOON_MS + 1));
    await first;
    expect([...picture.tracks.keys()]).toEqual([2]);
    expect(past.playing.get().waiting).toBe(false);
  });

  it.each([["national", ["national", "shared"]], ["shared", ["shared"]]])("shows %s, and then what all together had", async (name, wanted) => {
    const asked: string[] = [];
    const client = { moment: (picture: string, at_ms: number) => (asked.push(picture), Promise.resolve({ ...moment(at_ms), picture })) };
    const taken: string[] = [];
    const beside: string[] = [];
    const view = store<View>({ ...FIRST_VIEW, picture: name, at_ms: NOON_MS + 1 });
    await new Past(client, (one) => taken.push(one.picture), (one) => beside.push(one.picture), view, () => {}).show();
    expect(asked).toEqual(wanted);
    expect([taken, beside]).toEqual([[name], wanted.slice(1)]);
  });

  it("says why a moment cannot be had, and stops playing", async () => {
    const said: string[] = [];
    const client = { moment: () => Promise.reject(new Error("the journal begins at noon")) };
    const view = store<View>({ ...FIRST_VIEW, at_ms: NOON_MS });
    const past = new Past(client, () => {}, () => {}, view, (sentence) => said.push(sentence), () => NOON_MS + 1e9);
    past.play(() => {});
    await past.show();
    expect(said).toEqual(["the journal begins at noon"]);
    expect(past.playing.get().running).toBe(false);
  });
});
