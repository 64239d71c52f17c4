/** The desk's state: who is here, what is looked at, and what the node says of it. */
import type { FeatureCollection } from "geojson";
import { Client, Refused } from "./api/client";
import type { Clock, Comment, EventLine, Flight, Partner, PictureName, Radar, Session, SharedEvent, Status, Warnings } from "./api/contract";
import { Events, type Notes } from "./api/events";
import { forMe } from "./picture/consulted";
import { missing } from "./picture/missing";
import { Past } from "./picture/past";
import { nameOf, sharedAs } from "./picture/named";
import { Picture } from "./picture/picture";
import { fromHash, type Known, toHash, TOGETHER, type View } from "./picture/moment";
import { type Store, store } from "./picture/store";
import { SteadyOrder } from "./picture/urgency";
import { showClocksOf } from "./words/words";

/** Nothing was heard for so long: the picture is old and the desk says so. */
export const SILENT_AFTER_MS = 3_000;
const COMPARE_EVERY_MS = 1_000;

/** `past`: by what was known when; null: it is not of the past, which has not come yet. */
interface ShownMoment {
  time_ms: number;
  past: Known | null;
}

/** A flight that was chosen in another picture: what it is called, and its number in all together. */
export interface Sought {
  name: string;
  shared_id: number | null;
}

const NO_WARNINGS: Warnings = { warns: false, fault: "", warnings: [] };

export class Desk {
  readonly client = new Client();
  readonly picture = new Picture();
  /** All together, while one looks at less: what is in it and not in `picture` would be missing. */
  readonly together = new Picture();
  /** In which the flights of `picture` stand in the list. */
  readonly order = new SteadyOrder();
  readonly session: Store<Session | null | undefined> = store<Session | null | undefined>(undefined);
  readonly view: Store<View>;
  readonly clock: Store<Clock | null> = store<Clock | null>(null);
  readonly status: Store<Status | null> = store<Status | null>(null);
  readonly partners: Store<readonly Partner[]> = store<readonly Partner[]>([]);
  readonly pictures: Store<readonly PictureName[]> = store<readonly PictureName[]>([]);
  readonly radars: Store<readonly Radar[]> = store<readonly Radar[]>([]);
  readonly lines: Store<FeatureCollection | null> = store<FeatureCollection | null>(null);
  /** What was chosen and is not found in this picture, or not yet. */
  readonly sought: Store<Sought | null> = store<Sought | null>(null);
  /** The flight is chosen as it was in another picture, and by nobody here. */
  carried = false;
  /** Ids in `together` that `picture` has not. */
  readonly lacking: Store<ReadonlySet<number>> = store<ReadonlySet<number>>(new Set());
  /** As of the time of what is shown. */
  readonly warnings: Store<Warnings> = store<Warnings>(NO_WARNINGS);
  readonly comments: Store<ReadonlyMap<number, readonly Comment[]>> = store<ReadonlyMap<number, readonly Comment[]>>(new Map());
  /** Hashes of texts that wait for one's own confirmation, as of when events were last read. */
  readonly toConfirm: Store<readonly string[]> = store<readonly string[]>([]);
  /** The shared events as of the moment of the past that is shown; null: it has not come, or it is now. */
  readonly consulted: Store<readonly SharedEvent[] | null> = store<readonly SharedEvent[] | null>(null);
  /** Of when what is shown is, while a moment of the past is looked at. */
  readonly shown: Store<ShownMoment | null> = store<ShownMoment | null>(null);
  /** ms of the page's own clock when something last came; null: nothing yet. */
  readonly heard_ms: Store<number | null> = store<number | null>(null);
  /** The picture that was chosen has not come yet: that of a partner alone takes the node a while. */
  readonly coming: Store<boolean> = store(false);
  /** A sentence for whoever is at the desk: what went wrong, or was done. */
  readonly said: Store<string> = store("");
  readonly past: Past;
  #events: Events | undefined;
  #beside: Events | undefined;
  #compared_ms = -COMPARE_EVERY_MS;
  #comparing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.view = store(fromHash(location.hash));
    this.session.look((session) => session && showClocksOf(session.nation));
    this.past = new Past(
      this.client,
      (moment) => {
        this.shown.set({ time_ms: moment.time_ms, past: this.view.get().known });
        this.coming.set(false);
        this.lacking.set(new Set());
        this.picture.take(moment);
        this.warnings.set(moment.warnings);
        this.consulted.set(moment.consultations);
      },
      (moment) => {
        this.together.take(moment);
        this.#setLacking();
      },
      this.view,
      (sentence) => {
        this.coming.set(false);
        this.said.set(sentence);
      },
    );
    addEventListener("hashchange", () => this.look(fromHash(location.hash)));
    this.picture.look(() => {
      this.#findSought();
      this.#compare();
    });
    this.together.look(() => this.#compare());
  }

  async begin(): Promise<void> {
    const session = await this.client.session();
    this.session.set(session);
    if (session) await this.#open();
  }

  async logIn(name: string, password: string): Promise<void> {
    this.session.set(await this.client.logIn(name, password));
    await this.#open();
  }

  async logOut(): Promise<void> {
    await this.client.logOut();
    this.#close();
    this.session.set(null);
  }

  may(role: string): boolean {
    return this.session.get()?.roles.includes(role) ?? false;
  }

  /** Look at something else: another picture, flight or moment. In another picture the same object stays chosen. */
  look(change: Partial<View>): void {
    const before = this.view.get();
    const view = { ...before, ...change };
    this.carried = false;
    if (view.picture !== before.picture && change.flight === undefined) {
      if (before.flight !== null) this.sought.set(this.#chosenAs(before.flight));
      view.flight = null;
    } else if (change.flight !== undefined) this.sought.set(null);
    this.view.set(view);
    const hash = toHash(view);
    if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname);
    const other = view.picture !== before.picture;
    const past = view.at_ms !== null;
    const turned = past !== (before.at_ms !== null);
    if (other || (turned && !(past && view.picture === TOGETHER))) this.#follow();
    if (!past) this.consulted.set(null);
    if (!past || other) this.shown.set(null);
    else if (before.at_ms === null && this.clock.get()) this.shown.set({ time_ms: this.clock.get()!.time_ms, past: null });
    const elsewhen = view.at_ms !== before.at_ms || view.known !== before.known || view.picture !== before.picture;
    if (past && elsewhen) void this.past.show();
    if (view.flight !== before.flight || view.picture !== before.picture) this.#readNotes();
  }

  /** The time of what is shown: of the moment that has come, or of the node's clock, which goes on here while nothing comes. */
  now_ms(): number {
    const silent_ms = this.silent_ms();
    const clock_ms = this.clock.get()?.time_ms;
    const now_ms = clock_ms === undefined ? Date.now() : clock_ms + (silent_ms > SILENT_AFTER_MS ? silent_ms : 0);
    return this.shown.get()?.time_ms ?? now_ms;
  }

  /** For how long nothing has come; 0 before anything did. */
  silent_ms(): number {
    const heard_ms = this.heard_ms.get();
    return heard_ms === null ? 0 : performance.now() - heard_ms;
  }

  /** The chosen flight's number in all together, by which people note something of it; null: it has none. */
  chosenShared(): number | null {
    const { flight, picture } = this.view.get();
    if (flight === null || picture === TOGETHER) return flight;
    return this.picture.flights.get(flight)?.shared_id ?? null;
  }

  /** A flight of all together, as of what is shown. */
  ofTogether(id: number): Flight | undefined {
    return (this.view.get().picture === TOGETHER ? this.picture : this.together).flights.get(id);
  }

  #chosenAs(id: number): Sought {
    const flight = this.picture.flights.get(id);
    if (flight) return { name: nameOf(flight), shared_id: flight.shared_id };
    return { name: String(id), shared_id: this.picture.name === TOGETHER ? id : null };
  }

  /** What was chosen in another picture is chosen in this one, once it is there. */
  #findSought(): void {
    const { picture } = this.view.get();
    const shared_id = this.sought.get()?.shared_id ?? null;
    if (shared_id === null || this.picture.name !== picture) return;
    const there = picture === TOGETHER ? this.picture.tracks.get(shared_id) : sharedAs(this.picture.flights.values(), shared_id);
    if (!there) return;
    this.look({ flight: there.id });
    this.carried = true;
  }

  #readNotes(): void {
    const flight = this.chosenShared();
    if (flight !== null) void this.readComments(flight);
  }

  async readComments(flight: number): Promise<void> {
    await this.try(async () => this.#noteComments(flight, await this.client.comments(flight)));
  }

  /** The shared events, and what of them waits for whoever is here. */
  async readEvents(): Promise<EventLine[]> {
    const events = await this.client.consultations();
    const { nation, who } = this.session.get() ?? { nation: "", who: "" };
    const mine = this.may("act") ? forMe(events, nation, who) : [];
    if (mine.join() !== this.toConfirm.get().join()) this.toConfirm.set(mine);
    return events;
  }

  /** Do something; what is refused is said. */
  async try(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      this.said.set(error instanceof Error ? error.message : String(error));
      if (error instanceof Refused && error.status === 401) this.session.set(null);
      return false;
    }
  }

  async #open(): Promise<void> {
    await this.try(async () => {
      const [pictures, radars, lines] = await Promise.all([
        this.client.pictures(),
        this.client.radars(),
        this.client.lines(),
      ]);
      this.pictures.set(pictures);
      this.radars.set(radars);
      this.lines.set(lines);
    });
    this.#follow();
    this.#readNotes();
    if (this.view.get().at_ms !== null) void this.past.show();
  }

  #close(): void {
    this.#end();
    this.picture.clear();
    this.together.clear();
    this.clock.set(null);
    this.status.set(null);
  }

  #end(): void {
    this.#events?.end();
    this.#beside?.end();
    this.#events = undefined;
    this.#beside = undefined;
  }

  /**
   * The streams of what is looked at. While that is a moment in the past the node's state alone is
   * taken, from a stream that costs the node nothing more.
   */
  #follow(): void {
    this.#end();
    const { picture } = this.view.get();
    const past = (): boolean => this.view.get().at_ms !== null;
    const heard = (): void => this.heard_ms.set(performance.now());
    const tick = (clock: Clock): void => {
      heard();
      this.clock.set(clock);
    };
    // Nothing of another picture, or of the past, may be taken for what is in this one now.
    const other = this.picture.name !== picture;
    this.coming.set(other || !past());
    if (other) this.picture.clear();
    this.#events = new Events(past() ? TOGETHER : picture, {
      open: heard,
      broken: () => void this.#stillHere(),
      snapshot: (whole) => {
        heard();
        if (!past()) this.coming.set(false);
        this.status.set(whole.status);
        this.clock.set(whole.clock);
        this.partners.set(whole.partners);
        if (!past()) this.warnings.set(whole.warnings);
        if (!past()) this.picture.take(whole);
      },
      tracks: (change) => {
        heard();
        if (!past()) this.picture.changeTracks(change);
      },
      flights: (change) => {
        heard();
        if (!past()) this.picture.changeFlights(change);
      },
      partners: (partners) => this.partners.set(partners),
      status: (status) => this.status.set(status),
      clock: tick,
      notes: (notes) => this.#take(notes),
      warnings: (warnings) => {
        if (!past()) this.warnings.set(warnings);
      },
    });
    // Nor may what is in this one be set beside all together as it was.
    if (picture === TOGETHER || !past()) this.together.clear();
    if (picture === TOGETHER || past()) return;
    this.#beside = new Events(TOGETHER, {
      snapshot: (whole) => {
        if (!past()) this.together.take(whole);
      },
      tracks: (change) => {
        if (!past()) this.together.changeTracks(change);
      },
      flights: (change) => {
        if (!past()) this.together.changeFlights(change);
      },
      clock: tick,
      notes: (notes) => this.#take(notes),
    });
  }

  /** A stream broke: because nobody is logged in any more? */
  async #stillHere(): Promise<void> {
    try {
      this.session.set(await this.client.session());
      if (this.session.get() === null) this.#end();
    } catch {
      // The node is not there: the stream tries again by itself.
    }
  }

  #take(notes: Notes): void {
    const pictures = this.view.get().at_ms === null ? [this.picture, this.together] : [];
    for (const picture of pictures) {
      const flights = [...picture.flights.values()].filter((flight) => flight.shared_id === notes.flight);
      if (flights.length === 0) continue;
      const changed = flights.map((flight) => ({ ...flight, acknowledged: notes.acknowledged, comments: notes.comments.length }));
      picture.changeFlights({ time_ms: this.now_ms(), changed, gone: [] });
    }
    this.#noteComments(notes.flight, notes.comments);
  }

  #noteComments(flight: number, comments: readonly Comment[]): void {
    this.comments.set(new Map(this.comments.get()).set(flight, comments));
  }

  /** At most once a second, and once more after the last change. Moments of the past are taken whole. */
  #compare(): void {
    const { picture, at_ms } = this.view.get();
    if (picture === TOGETHER || this.coming.get()) {
      if (this.lacking.get().size) this.lacking.set(new Set());
      return;
    }
    if (at_ms !== null) return;
    const wait_ms = this.#compared_ms + COMPARE_EVERY_MS - performance.now();
    if (wait_ms > 0) {
      this.#comparing ??= setTimeout(() => {
        this.#comparing = undefined;
        this.#compare();
      }, wait_ms);
      return;
    }
    this.#compared_ms = performance.now();
    this.#setLacking();
  }

  #setLacking(): void {
    const { tracks, flights } = this.picture;
    const known = [...flights.values()].flatMap(({ id, shared_id }): [number, number][] => (shared_id === null ? [] : [[id, shared_id]]));
    this.lacking.set(missing(this.together.tracks.values(), tracks.values(), new Map(known)));
  }
}
