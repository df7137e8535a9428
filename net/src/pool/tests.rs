use super::*;
use crate::llm;
use crate::styles::SharedStyles;

#[test]
fn a_pool_without_requests_has_no_deadline_and_no_responses() {
    let mut pool = llm::pool(&Waker::new().unwrap(), SharedStyles::default());
    assert_eq!((pool.in_flight(), pool.next_deadline(), pool.poll().len()), (0, None, 0));
}

#[test]
fn a_thousand_connections_are_not_stopped_by_a_soft_limit_of_open_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 256.min(hard), hard).unwrap();
    llm::pool(&Waker::new().unwrap(), SharedStyles::default()).set_limit(1000);
    assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (2024.min(hard), hard));
}
