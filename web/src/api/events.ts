/** The stream of changes: it comes back by itself, and says when it last heard something. */
import type { Acknowledgement, Clock, Comment, Flights, Partner, Snapshot, Status, Tracks, Warnings } from "./contract";

export interface Notes {
  flight: number;
  acknowledged: Acknowledgement[];
  comments: Comment[];
}

export interface Listener {
  snapshot(whole: Snapshot): void;
  tracks(change: Tracks): void;
  flights(change: Flights): void;
  partners(partners: Partner[]): void;
  status(status: Status): void;
  clock(clock: Clock): void;
  notes(notes: Notes): void;
  warnings(warnings: Warnings): void;
  /** The stream is open, or it broke: with `refused` it must be asked for anew by whoever logs in. */
  open(): void;
  broken(): void;
}

const AGAIN_MS = 1_000;

export class Events {
  #source: EventSource | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(private readonly picture: string, private readonly listener: Partial<Listener>) {
    this.#begin();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#again);
    this.#source?.close();
  }

  #begin(): void {
    const { listener } = this;
    const source = new EventSource(`api/v1/events?picture=${encodeURIComponent(this.picture)}`);
    this.#source = source;
    source.onopen = () => listener.open?.();
    source.onerror = () => {
      listener.broken?.();
      // The browser resumes by itself where the connection broke; where it was refused it gives up.
      if (source.readyState === EventSource.CLOSED && !this.#ended) {
        this.#again = setTimeout(() => this.#begin(), AGAIN_MS);
      }
    };
    const on = <T,>(name: string, tell: ((value: T) => void) | undefined): void => {
      if (!tell) return;
      source.addEventListener(name, (event) => tell(JSON.parse((event as MessageEvent<string>).data) as T));
    };
    on<Snapshot>("snapshot", listener.snapshot);
    on<Tracks>("tracks", listener.tracks);
    on<Flights>("flights", listener.flights);
    on<{ partners: Partner[] }>("partners", listener.partners && (({ partners }) => listener.partners?.(partners)));
    on<Status>("status", listener.status);
    on<Clock>("clock", listener.clock);
    on<Notes>("notes", listener.notes);
    on<Warnings>("warnings", listener.warnings);
  }
}
