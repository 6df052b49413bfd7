import type { z } from 'zod';
import { nodesReply, nodesRequest, typesReply, typesRequest } from './cluster-payloads.ts';
import {
  cancelRequest,
  controlReply,
  controlRequest,
  limitsReply,
  limitsRequest,
  modifyRequest,
  setLimitsRequest,
} from './task-control-payloads.ts';
import {
  eventsReply,
  eventsRequest,
  getRequest,
  listReply,
  listRequest,
  runsRequest,
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
  /** The task without its progress: a cheap request for a wait. */
  'task.view': { request: getRequest, reply: viewReply },
  'task.list': { request: listRequest, reply: listReply },
  /** The runs of a key, newest first. */
  'task.runs': { request: runsRequest, reply: listReply },
  'task.cancel': { request: cancelRequest, reply: controlReply },
  'task.pause': { request: controlRequest, reply: controlReply },
  'task.resume': { request: controlRequest, reply: controlReply },
  'task.modify': { request: modifyRequest, reply: controlReply },
  /** Resolution: the task's failed work is tried again. */
  'task.retry': { request: controlRequest, reply: controlReply },
  /** Resolution: the task continues without its failed work. */
  'task.skip': { request: controlRequest, reply: controlReply },
  /** Resolution: the task is undone. */
  'task.revert': { request: controlRequest, reply: controlReply },
  /** The task is undone, and the next run of its key starts with its end. */
  'task.restart': { request: controlRequest, reply: controlReply },
  /** A task that has ended leaves without its clean-up, if that hangs, fails or can't run. */
  'task.endcleanup': { request: controlRequest, reply: controlReply },
  'task.events': { request: eventsRequest, reply: eventsReply },
  'task.subtasks': { request: subtasksRequest, reply: subtasksReply },
  'node.list': { request: nodesRequest, reply: nodesReply },
  'limits.get': { request: limitsRequest, reply: limitsReply },
  'limits.set': { request: setLimitsRequest, reply: limitsReply },
  'type.list': { request: typesRequest, reply: typesReply },
} as const;

export type ApiMethod = keyof typeof API;
export type ApiRequest<M extends ApiMethod> = z.infer<(typeof API)[M]['request']>;
export type ApiReply<M extends ApiMethod> = z.infer<(typeof API)[M]['reply']>;
