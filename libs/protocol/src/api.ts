import type { z } from 'zod';
import { nodesReply, nodesRequest, typesReply, typesRequest } from './cluster-payloads.ts';
import {
  cancelReply,
  cancelRequest,
  eventsReply,
  eventsRequest,
  getRequest,
  listReply,
  listRequest,
  submitReply,
  submitRequest,
  subtasksReply,
  subtasksRequest,
  taskDetail,
  viewReply,
} from './task-payloads.ts';

/** Every request that an owner answers, with the schemas of request and reply. Long replies are paged. */
export const API = {
  'task.submit': { request: submitRequest, reply: submitReply },
  'task.get': { request: getRequest, reply: taskDetail },
  /** The task alone, without its progress: cheap, for whoever waits. */
  'task.view': { request: getRequest, reply: viewReply },
  'task.list': { request: listRequest, reply: listReply },
  'task.cancel': { request: cancelRequest, reply: cancelReply },
  'task.events': { request: eventsRequest, reply: eventsReply },
  'task.subtasks': { request: subtasksRequest, reply: subtasksReply },
  'node.list': { request: nodesRequest, reply: nodesReply },
  'type.list': { request: typesRequest, reply: typesReply },
} as const;

export type ApiMethod = keyof typeof API;
export type ApiRequest<M extends ApiMethod> = z.infer<(typeof API)[M]['request']>;
export type ApiReply<M extends ApiMethod> = z.infer<(typeof API)[M]['reply']>;
