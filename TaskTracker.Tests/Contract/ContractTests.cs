using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Contract;

/// <summary>Each row of the contract against the services in this process.</summary>
[Collection(OperationTestsCollection.Name)]
public sealed class ContractTests(OperationsFixture fixture)
{
    public static TheoryData<string> Rows => [.. ContractRows.All.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_row_of_the_contract_holds(string row) =>
        await ContractRows.All[row](new ContractRows(() => fixture.Api.CreateClient(), TimeSpan.FromDays(1)));

    [Fact]
    public void Every_route_has_a_row() => Assert.Empty(ApiRoute.All(fixture.Api)
        .Where(route => route is { Method: not "HEAD", NeedsRole: false }).Select(route => $"{route}").Except(ContractRows.All.Keys));
}
