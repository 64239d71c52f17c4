/** A value that tells those who look at it when it changed. */
export interface Store<T> {
  get(): T;
  set(value: T): void;
  look(seen: (value: T) => void): () => void;
}

export function store<T>(first: T): Store<T> {
  let value = first;
  const lookers = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(value, next)) return;
      value = next;
      for (const seen of [...lookers]) seen(value);
    },
    look(seen) {
      lookers.add(seen);
      return () => lookers.delete(seen);
    },
  };
}
