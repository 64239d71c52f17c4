/** Panels look at stores and pictures, and are drawn again when these change. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { type Desk, SILENT_AFTER_MS } from "../desk";
import type { Picture } from "../picture/picture";
import type { Store } from "../picture/store";
import { language, say } from "../words/words";

export function useStore<T>(looked: Store<T>): T {
  const [value, set] = useState(() => looked.get());
  useEffect(() => {
    set(() => looked.get());
    return looked.look((next) => set(() => next));
  }, [looked]);
  return value;
}

/** Say a word; the panel is drawn again in another language. */
export function useWords(): typeof say {
  useStore(language);
  return say;
}

/** An order to the node: what was refused of it is said, and it is not given twice while it is under way. */
export function useOrder(): { order: (act: () => Promise<void>) => Promise<void>; busy: boolean; fault: string } {
  const [busy, occupy] = useState(false);
  const [fault, blame] = useState("");
  const order = async (act: () => Promise<void>): Promise<void> => {
    blame("");
    occupy(true);
    try {
      await act();
    } catch (error) {
      blame(error instanceof Error ? error.message : String(error));
    }
    occupy(false);
  };
  return { order, busy, fault };
}

/** A prompt, open at once; when it is gone and what opened it is too, the keyboard goes on at the panel. */
export function usePrompt(): { current: HTMLDialogElement | null } {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    return () => {
      setTimeout(() => document.activeElement === document.body && document.getElementById("panel")?.focus());
    };
  }, []);
  return dialog;
}

/** Drawn again when a picture changed, at most once each `every_ms`. */
export function usePicture(picture: Picture, every_ms = 250): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let drawn_ms = 0;
    const end = picture.look(() => {
      if (timer !== undefined) return;
      const wait_ms = Math.max(0, drawn_ms + every_ms - performance.now());
      timer = setTimeout(() => {
        timer = undefined;
        drawn_ms = performance.now();
        again(0);
      }, wait_ms);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [picture, every_ms]);
}

/** Whether nothing comes of the node, so that no link and nobody who sees is known to be as shown. */
export function useSilent(desk: Desk): boolean {
  const clock = useStore(desk.clock);
  const silent = (): boolean => desk.silent_ms() > SILENT_AFTER_MS;
  const [is, set] = useState(silent);
  useEffect(() => {
    const timer = setInterval(() => set(silent()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return is || clock?.connected === false;
}

/** Drawn again each second: ages grow although nothing comes. */
export function useSeconds(): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => again(0), 1_000);
    return () => clearInterval(timer);
  }, []);
}
