public import HTTPTypes

extension HTTPFields {
    /// The value of a field, as the subscript gives it: the lines of that name joined. Nearly always there is one line or
    /// none, and then nothing is joined or allocated; a server looks a dozen fields up for each request.
    public func value(of name: HTTPField.Name) -> String? {
        var found: Int?
        for index in indices where self[index].name == name {
            if found != nil { return self[name] }
            found = index
        }
        return found.map { self[$0].value }
    }
}
