/** Of Cesium's renderer, what its types leave out and marks that write their own vertices use. */
import "@cesium/engine";

declare module "@cesium/engine" {
  interface Context {
    readonly id: string;
  }
  class Buffer {
    static createVertexBuffer(options: { context: Context; typedArray: ArrayBufferView; usage: number }): Buffer;
    copyFromArrayView(view: ArrayBufferView, offsetInBytes?: number): void;
  }
  const BufferUsage: { readonly DYNAMIC_DRAW: number; readonly STATIC_DRAW: number };
  class VertexArray {
    constructor(options: { context: Context; attributes: object[] });
    destroy(): void;
  }
  class ShaderProgram {
    static fromCache(options: { context: Context; vertexShaderSource: string; fragmentShaderSource: string; attributeLocations: Record<string, number> }): ShaderProgram;
  }
  class EncodedCartesian3 {
    readonly high: Cartesian3;
    readonly low: Cartesian3;
    static fromCartesian(place: Cartesian3, result: EncodedCartesian3): EncodedCartesian3;
  }
  class RenderState {
    static fromCache(state: object): RenderState;
  }
  const Pass: { readonly OPAQUE: number; readonly TRANSLUCENT: number };
  class DrawCommand {
    constructor(options: object);
    boundingVolume: BoundingSphere;
    instanceCount: number;
    count: number;
    vertexArray: VertexArray;
  }
  interface FrameState {
    readonly context: Context;
    readonly mode: SceneMode;
    readonly passes: { readonly render: boolean };
    readonly commandList: DrawCommand[];
  }
}
