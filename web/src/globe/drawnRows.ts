/**
 * Rows of numbers that are drawn as they stand, and written anew in place: what changes each second
 * makes no buffers, commands and programs anew, which would take longer than all else in a frame.
 */
import {
  BlendingState,
  type BoundingSphere,
  Buffer,
  BufferUsage,
  ComponentDatatype,
  DrawCommand,
  type FrameState,
  PrimitiveType,
  RenderState,
  ShaderProgram,
  VertexArray,
} from "@cesium/engine";

const BYTES = Float32Array.BYTES_PER_ELEMENT;
const CORNER = "corner";

/** What of a row the shader reads under a name: so many numbers, from the `first` of the row on. */
export interface Column {
  name: string;
  count: number;
  first: number;
}

export interface RowsDrawn {
  owner: object;
  /** Numbers of a row. */
  floats: number;
  columns: readonly Column[];
  vertex: string;
  fragment: string;
  /** Among what it is drawn. */
  pass: number;
  /** Places of the shape that is drawn once for each row, two numbers each: the shader's `corner`. Without, a row is a corner of a triangle. */
  shape?: Float32Array;
  uniforms?: Record<string, () => unknown>;
}

export class DrawnRows {
  data = new Float32Array(0);
  #buffer: Buffer | undefined;
  #command: DrawCommand | undefined;
  #written = false;

  constructor(private readonly of: RowsDrawn) {}

  /** Room for so many rows; what stands in the first ones stays. */
  makeRoom(rows: number): void {
    const data = new Float32Array(rows * this.of.floats);
    data.set(this.data);
    this.data = data;
    this.#written = true;
    this.destroy();
  }

  /** `data` holds something else than before. */
  written(): void {
    this.#written = true;
  }

  /** Draw so many rows with this frame. */
  draw(frame: FrameState, rows: number, around: BoundingSphere): void {
    const command = (this.#command ??= this.#made(frame));
    if (this.#written) this.#buffer!.copyFromArrayView(this.data);
    this.#written = false;
    command.boundingVolume = around;
    if (this.of.shape) command.instanceCount = rows;
    else command.count = rows;
    frame.commandList.push(command);
  }

  destroy(): void {
    this.#command?.vertexArray.destroy();
    this.#command = undefined;
  }

  #made({ context }: FrameState): DrawCommand {
    const { owner, floats, columns, vertex, fragment, pass, shape, uniforms } = this.of;
    const places: Record<string, number> = {};
    const attributes: object[] = [];
    if (shape) {
      places[CORNER] = 0;
      const vertexBuffer = Buffer.createVertexBuffer({ context, typedArray: shape, usage: BufferUsage.STATIC_DRAW });
      attributes.push({ index: 0, vertexBuffer, componentsPerAttribute: 2, componentDatatype: ComponentDatatype.FLOAT });
    }
    const vertexBuffer = Buffer.createVertexBuffer({ context, typedArray: this.data, usage: BufferUsage.DYNAMIC_DRAW });
    this.#buffer = vertexBuffer;
    for (const { name, count, first } of columns) {
      const index = (places[name] = attributes.length);
      attributes.push({
        index,
        vertexBuffer,
        componentsPerAttribute: count,
        componentDatatype: ComponentDatatype.FLOAT,
        offsetInBytes: first * BYTES,
        strideInBytes: floats * BYTES,
        ...(shape && { instanceDivisor: 1 }),
      });
    }
    return new DrawCommand({
      owner,
      vertexArray: new VertexArray({ context, attributes }),
      primitiveType: PrimitiveType.TRIANGLES,
      ...(shape && { count: shape.length / 2 }),
      renderState: RenderState.fromCache({ depthTest: { enabled: true }, depthMask: false, blending: BlendingState.ALPHA_BLEND }),
      shaderProgram: ShaderProgram.fromCache({ context, vertexShaderSource: vertex, fragmentShaderSource: fragment, attributeLocations: places }),
      uniformMap: uniforms,
      pass,
    });
  }
}
