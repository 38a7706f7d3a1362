export { testSaga, type FailingOptions, type SagaTest, type Stubs } from './test-saga.ts';
