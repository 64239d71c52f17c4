/** Going back: moments of the past, one after another, as the node rebuilds them from its journal. */
import type { Client } from "../api/client";
import type { Moment } from "../api/contract";
import { TOGETHER, type View } from "./moment";
import { type Store, store } from "./store";

export interface Playing {
  running: boolean;
  /** Seconds of the past for each second here. */
  speed: number;
  /** A moment is being rebuilt. */
  waiting: boolean;
}

const STEP_EVERY_MS = 1_000;

export class Past {
  readonly playing: Store<Playing> = store<Playing>({ running: false, speed: 1, waiting: false });
  #asked: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #begun_ms = 0;

  /** `takeBeside`: all together at the moment that was taken, while one looks at less. */
  constructor(
    private readonly client: Pick<Client, "moment">,
    private readonly take: (moment: Moment) => void,
    private readonly takeBeside: (moment: Moment) => void,
    private readonly view: Store<View>,
    private readonly say: (sentence: string) => void,
    private readonly newest_ms: () => number = Date.now,
  ) {}

  /** Show the moment that the view names; an older request that is under way is given up. */
  async show(): Promise<void> {
    const { picture, at_ms, known } = this.view.get();
    if (at_ms === null) return;
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    this.playing.set({ ...this.playing.get(), waiting: true });
    const wanted = [{ of: picture, take: this.take }];
    if (picture !== TOGETHER) wanted.push({ of: TOGETHER, take: this.takeBeside });
    try {
      for (const { of, take } of wanted) {
        const moment = await this.client.moment(of, at_ms, known, asked.signal);
        if (asked.signal.aborted || this.view.get().at_ms !== at_ms) return;
        take(moment);
        this.playing.set({ ...this.playing.get(), waiting: false });
      }
    } catch (error) {
      if (asked.signal.aborted) return;
      this.pause();
      this.say(error instanceof Error ? error.message : String(error));
    }
    this.playing.set({ ...this.playing.get(), waiting: false });
    this.#next();
  }

  play(go: (at_ms: number) => void): void {
    this.playing.set({ ...this.playing.get(), running: true });
    this.#go = go;
    this.#begun_ms = performance.now();
    this.#next();
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.playing.set({ ...this.playing.get(), running: false });
  }

  /** Back in the present: nothing of the past is wanted any more. */
  leave(): void {
    this.#asked?.abort();
    this.pause();
    this.playing.set({ ...this.playing.get(), waiting: false });
  }

  setSpeed(speed: number): void {
    this.playing.set({ ...this.playing.get(), speed });
  }

  #go: (at_ms: number) => void = () => {};

  /** The next moment, once this one is shown and its time here is over. */
  #next(): void {
    clearTimeout(this.#timer);
    const { running, speed } = this.playing.get();
    const { at_ms } = this.view.get();
    if (!running || at_ms === null) return;
    const gone_ms = performance.now() - this.#begun_ms;
    this.#timer = setTimeout(() => {
      const passed_ms = performance.now() - this.#begun_ms;
      this.#begun_ms = performance.now();
      const next_ms = at_ms + passed_ms * speed;
      if (next_ms >= this.newest_ms()) this.pause();
      else this.#go(next_ms);
    }, Math.max(0, STEP_EVERY_MS - gone_ms));
  }
}
