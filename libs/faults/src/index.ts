export { areFaultsOn, faultPoint, FAULTS_VARIABLE, InjectedFault, type Fault } from './fault-point.ts';
export { FAULT_POINTS, type FaultPoint } from './fault-points.ts';
