//! Parameters of an upload that answers a query (§12.1.3).

use crate::Query;

/// The parameters by which some devices relate an upload to a query: `Count=2&PackCnt=1&PackIdx=1&CmdId=240`.
///
/// It only shows operators the progress of a query. Muster accepts an upload for its content, whatever it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryPacket {
    /// Number of records in the whole answer.
    pub count: Option<u64>,
    /// Number of requests in the answer.
    pub packets: Option<u64>,
    /// Number of this request, from 1.
    pub index: Option<u64>,
    /// The id of the query.
    pub command: Option<String>,
}

impl QueryPacket {
    /// Reads the parameters of an upload. An absent or invalid value is `None`.
    pub fn read(query: &Query<'_>) -> Self {
        const MAX_ID_CHARACTERS: usize = 16;
        let number = |name| query.get(name).and_then(|text| text.trim().parse().ok());
        let id = query.get("CmdId").map(|id| id.trim().to_owned());
        let is_id = |id: &String| {
            (1..=MAX_ID_CHARACTERS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        Self {
            count: number("Count"),
            packets: number("PackCnt"),
            index: number("PackIdx"),
            command: id.filter(is_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 105.
    #[test]
    fn an_answer_names_its_query_and_its_part() {
        let read = |query| QueryPacket::read(&Query::new(query));
        let packet =
            QueryPacket { count: Some(2), packets: Some(3), index: Some(1), command: Some("240".into()) };
        assert_eq!(read("SN=A1&table=USERINFO&Count=2&PackCnt=3&PackIdx=1&CmdId=240"), packet);
        assert_eq!(read("SN=A1&table=USERINFO&count=2&packcnt=3&packidx=1&cmdid=240"), packet);
        assert_eq!(read("SN=A1&table=OPERLOG&Stamp=9"), QueryPacket::default());
        assert_eq!(read("Count=many&PackCnt=-1&PackIdx=&CmdId=a%0Ab"), QueryPacket::default());
    }
}
